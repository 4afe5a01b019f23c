"""A memfd with MFD_HUGETLB on a machine that has reserved no huge pages (fs/hugetlbfs/inode.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_model.abi import mman
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.memfd import Memfd

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.status import FileStatus
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.vma import Mappable


class HugeMemfd(Memfd):
    """It has a size and reads as zeros, but never a page. `page_size`: bytes of its huge pages."""

    page_size = 2 << 20

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        raise LinuxError(Errno.EINVAL)

    def truncate(self, size: int) -> None:
        if size % self.page_size:
            raise LinuxError(Errno.EINVAL)
        super().truncate(size)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        if not mode & mman.FALLOC_FL_PUNCH_HOLE:
            raise LinuxError(Errno.ENOSPC)
        super().allocate(mode, offset, length)

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        raise LinuxError(Errno.ENOMEM)

    def status(self) -> FileStatus:
        return replace(super().status(), block_size=self.page_size)

    def reopen(self, call: Caller, flags: int) -> File:
        file = HugeMemfd(self.name, self.cache, self.shared, flags)
        file.page_size = self.page_size
        return file
