"""utimensat and its elders (fs/utimes.c)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from kernel_model.abi.files import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, UTIME_NOW, UTIME_OMIT
from kernel_model.abi.inotify import IN_ACCESS, IN_ATTRIB, IN_MODIFY
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.owner import present_at
from kernel_model.files import File
from kernel_model.files.tree.attributes import Attributes
from kernel_model.files.tree.notify import tell_of_file, tell_of_place
from kernel_model.files.tree.permission import MAY_WRITE, check, is_owner
from kernel_model.files.tree.place import Place
from kernel_model.time.realtime import realtime

_SECOND: Final = 10**9  # ns
_MILLION: Final = 10**6

_BOTH_NOW: Final = ((0, UTIME_NOW), (0, UTIME_NOW))

Times = tuple[tuple[int, int], tuple[int, int]]  # seconds and nanoseconds of access and of modification


def utimensat(call: Call, directory: int, path: int, times: int, flags: int) -> int:
    """Set both times. Errors: EINVAL, also for nanoseconds out of range (after the path's errors), EROFS."""
    given = None
    if times:
        words = struct.unpack("<4q", call.memory.read(times, 32))
        given = ((words[0], words[1]), (words[2], words[3]))
        if given[0][1] == given[1][1] == UTIME_OMIT:
            return 0
    if not path and as_int(directory) != AT_FDCWD:
        if flags & 0xFFFF_FFFF:
            raise LinuxError(Errno.EINVAL)
        call.file(directory)
        return _set(call, _of_descriptor(call, directory), given)
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    return _set(call, _named(call, directory, path, flags), given)


def futimesat(call: Call, directory: int, path: int, times: int) -> int:
    """As utimensat, with microseconds, which are checked first."""
    given = None
    if times:
        words = struct.unpack("<4q", call.memory.read(times, 32))
        if not (0 <= words[1] < _MILLION and 0 <= words[3] < _MILLION):
            raise LinuxError(Errno.EINVAL)
        given = ((words[0], words[1] * 1000), (words[2], words[3] * 1000))
    if not path and as_int(directory) != AT_FDCWD:
        call.file(directory)
        return _set(call, _of_descriptor(call, directory), given)
    return _set(call, _named(call, directory, path, 0), given)


def utimes(call: Call, path: int, times: int) -> int:
    return futimesat(call, AT_FDCWD, path, times)


def utime(call: Call, path: int, times: int) -> int:
    given = None
    if times:
        accessed, modified = struct.unpack("<2q", call.memory.read(times, 16))
        given = ((accessed, 0), (modified, 0))
    return _set(call, _named(call, AT_FDCWD, path, 0), given)


@dataclass(frozen=True, slots=True)
class _Target:
    """An inode whose times are to be set, by its path or by an open file. `inode` None: its times are not kept."""

    inode: Attributes | None
    place: Place | None
    file: File | None = None


def _named(call: Call, directory: int, path: int, flags: int) -> _Target:
    place = present_at(call, directory, path, flags)
    return _of_descriptor(call, directory) if place is None else _Target(call.kernel.tree.attributes(place), place)


def _of_descriptor(call: Call, fd: int) -> _Target:
    file = call.any_file(fd)
    return _Target(file.attributes, file.place, file)


def _set(call: Call, target: _Target, times: Times | None) -> int:
    """Set the times; None: both to now."""
    now, inode = realtime(call.cpu), target.inode
    if times is None:
        times = _BOTH_NOW
    to_now = times[0][1] == times[1][1] == UTIME_NOW
    if any(not 0 <= part < _SECOND and part not in (UTIME_NOW, UTIME_OMIT) for _, part in times):
        raise LinuxError(Errno.EINVAL)
    if target.place is not None and target.place.read_only:
        raise LinuxError(Errno.EROFS)
    if inode is None:
        return 0
    if not is_owner(call.task.credentials, inode):
        if not to_now or target.place is None:
            raise LinuxError(Errno.EPERM)
        check(call, target.place, MAY_WRITE)
    values = [now if part == UTIME_NOW else seconds * _SECOND + part for seconds, part in times]
    events = 0
    if times[0][1] != UTIME_OMIT:
        inode.atime, events = values[0], IN_ACCESS
    if times[1][1] != UTIME_OMIT:
        inode.mtime, events = values[1], IN_ATTRIB if events else IN_MODIFY
    inode.ctime = now
    if target.file is not None:
        tell_of_file(call.cpu, target.file, events)
    elif target.place is not None:
        tell_of_place(call.cpu, call.kernel.tree, target.place, events)
    return 0
