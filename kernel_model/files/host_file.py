"""An open file or directory of the tree the user named (--root).

Its state is its place, position and flags; the host's descriptor is opened on demand and is not part of a snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kernel_model.abi.files import FIONREAD, O_ACCMODE, O_APPEND, O_DIRECT, O_NOATIME, O_PATH
from kernel_model.abi.inotify import IN_ACCESS, IN_MODIFY
from kernel_model.abi.mman import FALLOC_FL_PUNCH_HOLE
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files import cached_io
from kernel_model.files.directory_file import DirectoryFile, Entry
from kernel_model.files.file import DELETED, File, faulted
from kernel_model.files.host_tree import HostKey, host_errors, open_host
from kernel_model.files.seek import SEEK_DATA, SEEK_HOLE, check_span, sought
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.attributes import without_set_id
from kernel_model.files.tree.host_inodes import HostInode, status_of
from kernel_model.files.tree.notify import tell_of_file
from kernel_model.files.write_signals import room_below_limit
from kernel_model.task.credentials import CAP_FSETID
from kernel_model.time.realtime import realtime

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.host_pages import HostPageCaches, HostPages
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.place import Place
    from kernel_model.files.tree.tree import Tree
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.vma import Mappable
    from pffemu.hw.cpu import Cpu

_AT_ONCE: Final = 1 << 20  # bytes moved at once
_SET_ID: Final = 0o6000
_NOT_ON_HOST: Final = 0o7000  # bits of a mode


class HostNode(File):
    """An open file or directory of the host's tree."""

    can_poll = False
    place: Place

    def __init__(self, place: Place, inode: HostInode, flags: int, descriptor: int = -1) -> None:
        """`descriptor`: of the host, owned by this file from now on; -1: not open yet."""
        self.name, self.flags = place.path.decode(errors="surrogateescape"), flags
        self.place, self.host_inode = place, inode
        self.position = 0
        self._descriptor = descriptor

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_descriptor": -1}

    def host(self) -> int:
        """The host's descriptor, opened again after a snapshot. Raises LinuxError when the file is gone."""
        if self._descriptor < 0:
            access = self.flags & O_ACCMODE if not self.place.is_directory else os.O_RDONLY
            names = self.host_inode.names or self.place.names
            self._descriptor = open_host(replace(self.place, names=names), access)
        return self._descriptor

    @property
    def link(self) -> bytes:
        path = b"/" + b"/".join(self.host_inode.names or self.place.names)
        try:
            gone = os.fstat(self.host()).st_nlink == 0
        except (LinuxError, OSError):
            gone = True
        return path.removesuffix(DELETED) + DELETED if gone else path

    @property
    def key(self) -> HostKey:
        assert self.place.key is not None
        return self.place.key

    @property
    def inode(self) -> Hashable:
        """Device and inode number on the host."""
        with host_errors():
            status = os.fstat(self.host())
        return status.st_dev, status.st_ino

    @property
    def attributes(self) -> Attributes:
        return self.host_inode

    def status(self) -> FileStatus:
        with host_errors():
            return status_of(self.host_inode, os.fstat(self.host()), self.place.mount)

    def close(self, cpu: Cpu) -> None:
        self.release()

    def __del__(self) -> None:
        """A snapshot replaced this value, or the machine is gone: close the host's descriptor."""
        try:
            self.release()
        except (AttributeError, OSError, TypeError):  # __init__ failed, or Python itself is ending
            return

    def release(self) -> None:
        """Close the host's descriptor until it is needed again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class HostFile(HostNode):
    """A regular file. `caches`: the pages of all mapped host files."""

    can_seek: ClassVar[bool] = True
    settable = File.settable | O_DIRECT
    advice = 0  # POSIX_FADV_RANDOM: readahead's RANDOM
    unnamed = False  # made with O_TMPFILE, and not linked since: its place is none

    def __init__(self, place: Place, inode: HostInode, flags: int, descriptor: int, caches: HostPageCaches) -> None:
        super().__init__(place, inode, flags, descriptor)
        self._caches = caches

    def reopen(self, call: Caller, flags: int) -> File:
        """Another open file on the same host file, which may have no path any more. Raises LinuxError EROFS."""
        if self.place.read_only and flags & O_ACCMODE:
            raise LinuxError(Errno.EROFS)
        with host_errors():
            descriptor = os.open(f"/proc/self/fd/{self.host()}", flags & O_ACCMODE | os.O_CLOEXEC)
        return HostFile(self.place, self.host_inode, flags, descriptor, self._caches)

    @property
    def size(self) -> int:
        with host_errors():
            return os.fstat(self.host()).st_size

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self.position)
        self.position += done
        return done

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        self.check_mapping(prot, shared)
        pages = self._caches.of(self)
        if not pages.has_own or (self.writable and not pages.file.writable):
            pages.own(self._twin())
        return pages, self.writable or not shared

    def _twin(self) -> HostFile:
        """Another open file on the same host file."""
        with host_errors():
            return HostFile(self.place, self.host_inode, self.flags, os.dup(self.host()), self._caches)

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        check_span(offset, buffer.size)
        asked, direct = buffer.size, bool(self.flags & O_DIRECT)
        done = cached_io.read(call, self._caches.of(self), buffer, offset, direct=direct, advice=self.advice)
        if asked and not self.flags & O_NOATIME:
            self.host_inode.accessed(realtime(call.cpu))
        if done:
            tell_of_file(call.cpu, self, IN_ACCESS)
        return done

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        check_span(self.position, buffer.size)
        if self.flags & O_APPEND and buffer.size:
            self.position = self.size
        done = self.write_at(call, buffer, self.position)
        self.position += done
        return done

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """With O_APPEND pwrite appends, too, as Linux does."""
        check_span(offset, buffer.size)
        if not buffer.size:
            return 0
        if self.flags & O_APPEND:
            offset = self.size
        wanted = min(buffer.size, room_below_limit(call, offset))
        reachable = min(wanted, buffer.bring_in())
        pages, direct = self._caches.of(self), bool(self.flags & O_DIRECT)
        cached_io.before_write(call, pages, offset, reachable, direct=direct)
        done = 0
        while done < reachable:
            data = buffer.gather(min(_AT_ONCE, reachable - done))
            with host_errors():
                written = os.pwrite(self.host(), data, offset + done)
            cached_io.wrote(call, pages, offset + done, data[:written], direct=direct)
            buffer.skip(written)
            done += written
            if written < len(data):
                break
        if done:
            if self.host_inode.rights & _SET_ID and not call.task.credentials.has(CAP_FSETID):
                self.host_inode.rights = without_set_id(self.status().mode) & _NOT_ON_HOST
            self.changed(call.cpu)
        return done if done or not wanted else faulted(0)

    def changed(self, cpu: Cpu) -> None:
        self.host_inode.modified(realtime(cpu))
        tell_of_file(cpu, self, IN_MODIFY)

    def seek(self, offset: int, whence: int) -> int:
        """lseek; SEEK_DATA and SEEK_HOLE ask the host's file system."""
        position = sought(offset, whence, self.position, self.size)
        if whence in (SEEK_DATA, SEEK_HOLE):
            self._caches.of(self).write_back()
            with host_errors():
                position = os.lseek(self.host(), offset, os.SEEK_DATA if whence == SEEK_DATA else os.SEEK_HOLE)
        self.position = position
        return self.position

    def truncate(self, size: int) -> None:
        if not self.writable:
            raise LinuxError(Errno.EINVAL)
        with host_errors():
            os.ftruncate(self.host(), size)
        pages = self._caches.find(self.key)
        if pages is not None:
            pages.truncate(size)

    @property
    def cached_pages(self) -> HostPages:
        """The file's page cache."""
        return self._caches.of(self)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate: the host reserves no space, and a hole is bytes of zero."""
        end = min(offset + length, self.size)
        if mode & FALLOC_FL_PUNCH_HOLE:
            pages = self._caches.of(self)
            for at in range(offset, end, _AT_ONCE):
                zeros = bytes(min(_AT_ONCE, end - at))
                with host_errors():
                    os.pwrite(self.host(), zeros, at)
                pages.written(at, zeros)
        elif not mode and offset + length > end:
            self.truncate(offset + length)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != FIONREAD:
            raise LinuxError(Errno.ENOTTY)
        call.memory.write_u32(argument, max(0, self.size - self.position) & 0xFFFF_FFFF)
        return 0


class HostDirectory(HostNode, DirectoryFile):
    """An open directory of the host."""

    def __init__(self, place: Place, inode: HostInode, flags: int, descriptor: int) -> None:
        super().__init__(place, inode, flags, descriptor)
        self._listing: list[Entry] | None = None


class PathFile(File):
    """A file opened with O_PATH: a place, not its content."""

    can_poll = False
    place: Place

    def __init__(self, tree: Tree, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags | O_PATH, place
        self._tree = tree

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        raise LinuxError(Errno.EBADF)

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        raise LinuxError(Errno.EBADF)

    @property
    def attributes(self) -> Attributes | None:
        return self._tree.attributes(self.place) if self.place.exists else None

    def status(self) -> FileStatus:
        return self._tree.status(self.place)
