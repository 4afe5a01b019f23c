"""stat's result for a file, before it becomes a struct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel_model.abi.structs import Stat

_NS: Final = 1_000_000_000
_BLOCK: Final = 512  # bytes


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Times in nanoseconds since 1970; sizes in bytes."""

    mode: int
    size: int = 0
    inode: int = 1
    device: int = 1
    links: int = 1
    uid: int = 0
    gid: int = 0
    rdev: int = 0
    block_size: int = 4096
    blocks: int | None = None  # of 512 bytes; None: as many as `size` needs
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    btime: int = 0  # 0: not known

    @property
    def blocks_used(self) -> int:
        return (self.size + _BLOCK - 1) // _BLOCK if self.blocks is None else self.blocks

    def as_struct(self) -> Stat:
        return Stat(
            st_dev=self.device, st_ino=self.inode, st_nlink=self.links, st_mode=self.mode, st_uid=self.uid,
            st_gid=self.gid, st_rdev=self.rdev, st_size=self.size, st_blksize=self.block_size,
            st_blocks=self.blocks_used, st_atime=divmod(self.atime, _NS), st_mtime=divmod(self.mtime, _NS),
            st_ctime=divmod(self.ctime, _NS),
        )  # fmt: skip
