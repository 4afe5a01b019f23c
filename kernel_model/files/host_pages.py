"""The pages of host files that a guest has mapped: brought in when touched, written back when stored to.

A file has them only while it is mapped. Its writes go to the host directly; changes that another program of the host
makes meanwhile do not show in pages that are in the cache.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.host_tree import HostKey, host_errors
from kernel_model.mm.disk_pages import DiskPages
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.host_file import HostFile
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from pffemu.hw.ram import Ram


class HostPages(DiskPages):
    """The pages of one host file. `file`: an open file of their own, which outlives the guest's descriptor."""

    def __init__(self, file: HostFile, caches: HostPageCaches, ram: Ram, memory: FileMemory) -> None:
        super().__init__(file.name, file.size, ram, memory)
        self.file, self._caches = file, caches
        status = file.status()
        self.number, self.device = status.inode, status.device

    def load(self, offset: int) -> bytes:
        with host_errors():
            return os.pread(self.file.host(), PAGE_SIZE, offset)

    def store(self, offset: int, data: bytes) -> None:
        with host_errors():
            os.pwrite(self.file.host(), data, offset)

    def write_back(self) -> None:
        """Put all dirty pages on the host. Raises LinuxError."""
        self.store_dirty()

    def unmapped(self) -> None:
        with suppress(LinuxError):  # as on Linux, only msync and fsync report the error
            self.write_back()
        super().unmapped()
        if not self._mms:
            self.memory.lists.forget(self)
            self._caches.forget(self)


class HostPageCaches:
    """The pages of all mapped host files, by what the host calls them."""

    def __init__(self, ram: Ram, memory: FileMemory) -> None:
        self._ram, self._memory = ram, memory
        self._caches: dict[HostKey, HostPages] = {}

    def find(self, key: HostKey) -> HostPages | None:
        return self._caches.get(key)

    def make(self, file: HostFile) -> HostPages:
        """Make the pages of `file`, which belongs to them from now on."""
        cache = self._caches[file.key] = HostPages(file, self, self._ram, self._memory)
        return cache

    def forget(self, cache: HostPages) -> None:
        """The last mapping is gone: close the pages' file."""
        if self._caches.get(cache.file.key) is cache:
            del self._caches[cache.file.key]
        cache.file.release()

    def write_back(self) -> None:
        """The end of the run: what cannot be written is lost, as on Linux."""
        for cache in self._caches.values():
            with suppress(LinuxError):
                cache.write_back()
