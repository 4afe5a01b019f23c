"""The page cache of the host's files: filled by reads and mappings, and kept until memory is short.

Changes that another program of the host makes show when the file is next read or mapped while no mapping of it exists:
the cache of a file whose size or time of change is another than it left is dropped.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.host_tree import HostKey, host_errors
from kernel_model.mm.disk_pages import DiskPages
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.host_file import HostFile
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.reclaim.page import CachedPage
    from pffemu.hw.ram import Ram

_FEW: Final = 64


class HostPages(DiskPages):
    """The pages of one host file. `file`: what they are read through: the open file used last, or while the file is
    mapped one of their own, which outlives the guest's descriptor.
    """

    def __init__(self, file: HostFile, ram: Ram, memory: FileMemory) -> None:
        super().__init__(file.name, file.size, ram, memory)
        self.file = file
        self._is_own = False
        status = file.status()
        self.number, self.device = status.inode, status.device
        self._stamp: tuple[int, int] | None = None  # size and time of change; None: changed by the guest since

    def use(self, file: HostFile) -> None:
        """`file` is about to be read, written or mapped: see whether the host has changed it meanwhile."""
        if not self._is_own:
            self.file = file
        with host_errors():
            status = os.fstat(file.host())
        stamp = status.st_size, status.st_mtime_ns
        if not self._mms and self._stamp not in (None, stamp):
            self.truncate(0)
        self.size, self._stamp = status.st_size, stamp

    def own(self, file: HostFile) -> None:
        """`file`, which belongs to the pages from now on, is what they are read and written through."""
        if self._is_own:
            self.file.release()
        self.file, self._is_own = file, True

    @property
    def has_own(self) -> bool:
        """Whether `file` is an open file of their own."""
        return self._is_own

    def load(self, offset: int, size: int = PAGE_SIZE) -> bytes:
        with host_errors():
            if self.file.readable:
                return os.pread(self.file.host(), size, offset)
            descriptor = os.open(f"/proc/self/fd/{self.file.host()}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, size, offset)
            finally:
                os.close(descriptor)

    def store(self, offset: int, data: bytes) -> None:
        with host_errors():
            os.pwrite(self.file.host(), data, offset)
        self._stamp = None

    def written(self, offset: int, data: bytes) -> None:
        self._stamp = None
        super().written(offset, data)

    def store_page(self, page: CachedPage) -> None:
        if self._is_own and self.file.writable:
            super().store_page(page)  # otherwise the bytes are on the host since the last mapping went, or a write

    def unmapped(self) -> None:
        self._mms = [mm for mm in self._mms if any(vma.file is self for vma in mm.vmas)]
        if self._mms:
            return
        with suppress(LinuxError):  # as on Linux, only msync and fsync report the error
            self.write_back()
        if self._is_own:
            self.file.release()
            self._is_own = False

    def truncate(self, size: int) -> None:
        self._stamp = None
        super().truncate(size)


class HostPageCaches:
    """The pages of all host files that are mapped or in the cache, by what the host calls them."""

    def __init__(self, ram: Ram, memory: FileMemory) -> None:
        self._ram, self.memory = ram, memory
        self._caches: dict[HostKey, HostPages] = {}
        self._most = _FEW  # caches until empty ones are forgotten

    def find(self, key: HostKey) -> HostPages | None:
        return self._caches.get(key)

    def of(self, file: HostFile) -> HostPages:
        """The pages of `file`, which is about to be used."""
        pages = self._caches.get(file.key)
        if pages is None:
            self._prune()
            pages = self._caches[file.key] = HostPages(file, self._ram, self.memory)
        pages.use(file)
        return pages

    def _prune(self) -> None:
        """Forget caches without a page and a mapping, at times."""
        if len(self._caches) >= self._most:
            self._caches = {key: pages for key, pages in self._caches.items() if pages.pages or pages.is_mapped}
            self._most = max(_FEW, 2 * len(self._caches))

    def write_back(self) -> None:
        """The end of the run: what cannot be written is lost, as on Linux."""
        for cache in self._caches.values():
            with suppress(LinuxError):
                cache.write_back()
