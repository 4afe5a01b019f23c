"""The pages of host files that a guest has mapped: brought in when touched, written back when stored to.

A file has them only while it is mapped. Its reads and writes go to the host directly, after stores to the pages were
written back; changes that another program of the host makes meanwhile do not show.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.host_tree import HostKey, host_errors
from kernel_model.mm.page_cache import PageCache
from pffemu.arch.paging import PAGE_SIZE, page_of

if TYPE_CHECKING:
    from kernel_model.files.host_file import HostFile
    from kernel_model.mm.frames import FrameAllocator
    from pffemu.hw.ram import Ram


class HostPages(PageCache):
    """The pages of one host file. `file`: an open file of their own, which outlives the guest's descriptor."""

    is_shmem: ClassVar[bool] = False

    def __init__(self, file: HostFile, caches: HostPageCaches, ram: Ram, frames: FrameAllocator) -> None:
        super().__init__(file.name, file.size, ram, frames)
        self.file, self._caches = file, caches
        status = file.status()
        self.number, self.device = status.inode, status.device
        self._loaded: dict[int, bytes] = {}  # offset of a page -> digest of the host's bytes there

    def frame_at(self, offset: int) -> int:
        """Physical address of the page, read in if missing. Raises OutOfGuestMemory; LinuxError by the host."""
        if offset not in self._frames:
            data = self._absent(offset)
            frame = self._frames[offset] = self._allocator.take()
            self._ram.octets[frame : frame + PAGE_SIZE] = data
            self._loaded[offset] = self._digest(frame)
        return self._frames[offset]

    def _absent(self, offset: int) -> bytes:
        with host_errors():
            return os.pread(self.file.host(), PAGE_SIZE, offset).ljust(PAGE_SIZE, b"\0")

    def write_back(self) -> None:
        """Write changed pages back to the host. Raises LinuxError."""
        if not self.file.writable:
            return
        for offset, frame in sorted(self._frames.items()):
            digest = self._digest(frame)
            if digest != self._loaded.get(offset):
                length = min(PAGE_SIZE, self.size - offset)
                with host_errors():
                    os.pwrite(self.file.host(), bytes(self._ram.octets[frame : frame + length]), offset)
                self._loaded[offset] = digest

    def written(self, offset: int, data: bytes) -> None:
        """The host's file was written to: update the pages that are present."""
        self.size = max(self.size, offset + len(data))
        done = 0
        while done < len(data):
            at = offset + done
            length = min(len(data) - done, PAGE_SIZE - at % PAGE_SIZE)
            frame = self._frames.get(page_of(at))
            if frame is not None:
                start = frame + at % PAGE_SIZE
                self._ram.octets[start : start + length] = data[done : done + length]
                self._loaded[page_of(at)] = self._digest(frame)
            done += length

    def unmapped(self) -> None:
        with suppress(LinuxError):  # as on Linux, only msync and fsync report the error
            self.write_back()
        super().unmapped()
        if not self._mms:
            self._caches.forget(self)

    def _digest(self, frame: int) -> bytes:
        return hashlib.blake2b(self._ram.octets[frame : frame + PAGE_SIZE], digest_size=16).digest()


class HostPageCaches:
    """The pages of all mapped host files, by what the host calls them."""

    def __init__(self, ram: Ram, frames: FrameAllocator) -> None:
        self._ram, self._frames = ram, frames
        self._caches: dict[HostKey, HostPages] = {}

    def find(self, key: HostKey) -> HostPages | None:
        return self._caches.get(key)

    def make(self, file: HostFile) -> HostPages:
        """Make the pages of `file`, which belongs to them from now on."""
        cache = self._caches[file.key] = HostPages(file, self, self._ram, self._frames)
        return cache

    def forget(self, cache: HostPages) -> None:
        """The last mapping is gone: close the pages' file."""
        if self._caches.get(cache.file.key) is cache:
            del self._caches[cache.file.key]
        cache.file.release()

    def write_back(self) -> None:
        """fsync, and the end of the run: what cannot be written is lost, as on Linux."""
        for cache in self._caches.values():
            with suppress(LinuxError):
                cache.write_back()
