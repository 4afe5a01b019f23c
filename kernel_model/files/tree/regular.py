"""A regular file in RAM (mm/shmem.c): its pages count against its file system."""

from __future__ import annotations

import stat
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import mman
from kernel_model.abi.files import O_APPEND, O_NOATIME, O_TRUNC
from kernel_model.abi.inotify import IN_ACCESS, IN_MODIFY
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.memfd import Memfd, ShmemInode
from kernel_model.files.tree.attributes import without_set_id
from kernel_model.files.tree.node import Node
from kernel_model.files.tree.notify import tell_of_file
from kernel_model.mm.page_cache import PageCache
from kernel_model.task.credentials import CAP_FSETID
from kernel_model.time.realtime import realtime
from pffemu.arch.paging import PAGE_SIZE, page_of

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.vma import Mappable
    from pffemu.hw.cpu import Cpu

_BLOCK: Final = 512  # bytes
_SET_ID: Final = 0o6000


class TmpfsPages(PageCache):
    """The pages of one file, counted in `fs`."""

    def __init__(self, fs: FileSystem) -> None:
        super().__init__("tmpfs", 0, fs.ram, fs.frames)
        self._fs = fs

    @property
    def free_frames(self) -> int:
        return self._fs.free_pages

    def frame_at(self, offset: int) -> int:
        """Raises LinuxError ENOSPC."""
        if offset in self._frames:
            return super().frame_at(offset)
        if not self._fs.free_pages:
            raise LinuxError(Errno.ENOSPC)
        frame = super().frame_at(offset)
        self._fs.pages += 1
        return frame

    def add(self, offset: int, frame: int) -> None:
        self._fs.pages += offset not in self._frames
        super().add(offset, frame)

    def reachable(self, offset: int, size: int) -> int:
        """How many of `size` bytes at `offset` the file system has room for."""
        free, end = self._fs.free_pages, offset + size
        for page in range(page_of(offset), end, PAGE_SIZE):
            if page not in self._frames:
                if not free:
                    return max(0, page - offset)
                free -= 1
        return size

    def missing(self, start: int, end: int) -> int:
        """How many pages of [start, end) are holes."""
        return sum(page not in self._frames for page in range(page_of(start), end, PAGE_SIZE))

    def _drop(self, start: int, end: int, *, cows: bool) -> None:
        before = len(self._frames)
        super()._drop(start, end, cows=cows)
        self._fs.pages -= before - len(self._frames)


class Regular(Node):
    """The inode. It lives as long as it has a name, an open file or a mapping."""

    def __init__(self, fs: FileSystem, number: int, mode: int, now: int) -> None:
        super().__init__(fs, number, stat.S_IFREG | mode & 0o7777, now)
        self.cache = TmpfsPages(fs)
        self.cache.open_files = 1  # the names

    @property
    def size(self) -> int:
        return self.cache.size

    @property
    def blocks(self) -> int:
        return self.cache.cached_bytes // _BLOCK

    def open(self, call: Caller, place: Place, flags: int) -> File:
        return TmpfsFile(self, place, flags)

    def linked(self, now: int) -> None:
        self.cache.open_files += not self.links
        super().linked(now)

    def unlinked(self, now: int) -> None:
        super().unlinked(now)
        if not self.links:
            self.release()

    @property
    def is_mapped(self) -> bool:
        return self.cache.is_mapped

    def release(self) -> None:
        """The names, or an open file, are gone."""
        self.cache.open_files -= 1
        self.cache.unmapped()

    def empty(self, now: int) -> None:
        self.truncate(0, now)

    def truncate(self, size: int, now: int) -> None:
        self.cache.truncate(size)
        self.mtime = self.ctime = now


class TmpfsFile(Memfd):
    """An open file. Like any file of shmem it has seals, and none can be added."""

    def __init__(self, node: Regular, place: Place, flags: int) -> None:
        name = place.path.decode(errors="surrogateescape")
        super().__init__(name, node.cache, ShmemInode(node.number, mman.F_SEAL_SEAL), flags & ~O_TRUNC)
        self.place, self.node = place, node
        self.cache.name = self.name
        self.cache.number, self.cache.device = node.number, node.fs.device

    @property
    def inode(self) -> Hashable:
        return self.node.identity

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        done = super().read_at(call, buffer, offset)
        self._accessed(call.cpu)
        if done:
            tell_of_file(call.cpu, self, IN_ACCESS)
        return done

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        wanted = buffer.size
        if wanted:
            start = self.cache.size if self.flags & O_APPEND else offset
            room = self.node.cache.reachable(start, wanted)
            if not room:
                raise LinuxError(Errno.ENOSPC)
            buffer.limit(room)
        done = super().write_at(call, buffer, offset)
        if done:
            if self.node.mode & _SET_ID and not call.task.credentials.has(CAP_FSETID):
                self.node.mode = without_set_id(self.node.mode)
            self.changed(call.cpu)
        return done

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        self.check_mapping(prot, shared)
        return self.cache, self.writable or not shared

    def allocate(self, mode: int, offset: int, length: int) -> None:
        if self.node.cache.missing(offset, offset + length) > self.cache.free_frames and not mode & 2:
            raise LinuxError(Errno.ENOSPC)
        super().allocate(mode, offset, length)

    def truncate(self, size: int) -> None:
        if not self.writable:
            raise LinuxError(Errno.EINVAL)
        super().truncate(size)

    def changed(self, cpu: Cpu) -> None:
        self.node.modified(realtime(cpu))
        tell_of_file(cpu, self, IN_MODIFY)

    def _accessed(self, cpu: Cpu) -> None:
        if not self.flags & O_NOATIME:
            self.node.accessed(realtime(cpu))

    @property
    def attributes(self) -> Attributes:
        return self.node

    def status(self) -> FileStatus:
        return self.node.status()

    def close(self, cpu: Cpu) -> None:
        self.node.release()
