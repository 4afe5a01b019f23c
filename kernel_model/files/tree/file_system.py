"""A file system in RAM (Linux: struct super_block): its number, its inodes and its pages, both bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from pffemu.hw.ram import Ram

TMPFS_MAGIC: Final = 0x01021994
_INODES_MAX: Final = 1 << 16
_SPARE_FRAMES: Final = 16  # that files leave to page tables


@dataclass(slots=True)
class InodeAccount:
    """The inodes in RAM of all file systems together: at most one for each page of RAM."""

    most: int
    used: int = 0


class FileSystem:
    """`device`: st_dev; `magic`: f_type of statfs; `pages_max`: half of guest RAM, as tmpfs has it."""

    def __init__(
        self, name: str, device: int, magic: int, ram: Ram, frames: FrameAllocator, account: InodeAccount
    ) -> None:
        self.name, self.device, self.magic = name, device, magic
        self.account = account
        self.ram, self.frames = ram, frames
        self.pages_max = ram.size // PAGE_SIZE // 2
        self.inodes_max = min(_INODES_MAX, self.pages_max)
        self.pages = self.inodes = 0
        self.read_only = False
        self._last = 0

    def limit(self, size: int | None, inodes: int | None) -> None:
        """Options of the mount: at most `size` bytes, and `inodes` inodes; 0 and None: as they are."""
        if size:
            self.pages_max = -(-size // PAGE_SIZE)
        if inodes:
            self.inodes_max = min(self.inodes_max, inodes)

    def new_number(self) -> int:
        """Count one more inode; its number. Raises LinuxError ENOSPC."""
        self.charge_inode()
        self._last += 1
        return self._last

    def charge_inode(self) -> None:
        """An inode, or another name of one (shmem_reserve_inode). Raises LinuxError ENOSPC."""
        if self.inodes >= self.inodes_max or self.account.used >= self.account.most:
            raise LinuxError(Errno.ENOSPC)
        self.inodes += 1
        self.account.used += 1

    def drop_inode(self) -> None:
        self.inodes -= 1
        self.account.used -= 1

    @property
    def free_pages(self) -> int:
        """Pages that files can still take: up to the limit, and while RAM has room."""
        return max(0, min(self.pages_max - self.pages, self.frames.free_frames - _SPARE_FRAMES))
