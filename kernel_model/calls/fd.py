"""Calls that make and change descriptors: dup, fcntl, close_range, pipe2, eventfd2 (fs/file.c, fs/fcntl.c)."""

from __future__ import annotations

import struct

from kernel_model.abi.files import (
    EFD_SEMAPHORE,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_GETPIPE_SZ,
    F_SETFD,
    F_SETFL,
    F_SETPIPE_SZ,
    FD_CLOEXEC,
    O_DIRECT,
    O_PATH,
    S_IFIFO,
    S_IFMT,
)
from kernel_model.abi.limits import NOFILE
from kernel_model.abi.locks import F_CREATED_QUERY, F_DUPFD_QUERY, F_GETLEASE, F_SETLEASE
from kernel_model.abi.uapi import O_CLOEXEC, O_NONBLOCK, Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls import file_owner, lock
from kernel_model.files import File
from kernel_model.files.eventfd import EventFd
from kernel_model.files.pipe import make_pipe

_CLOSE_RANGE_UNSHARE, _CLOSE_RANGE_CLOEXEC = 2, 4


def dup(call: Call, fd: int) -> int:
    file = call.any_file(fd)
    return call.process.files.install(call.new_fd(), file)


def dup2(call: Call, old: int, new: int) -> int:
    """A descriptor onto itself stays unchanged, but EBADF is checked."""
    if as_int(old) == as_int(new):
        call.any_file(old)
        return as_int(new)
    return _dup_to(call, old, new, False)


def dup3(call: Call, old: int, new: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~O_CLOEXEC or as_int(old) == as_int(new):
        raise LinuxError(Errno.EINVAL)
    return _dup_to(call, old, new, bool(flags & O_CLOEXEC))


def _dup_to(call: Call, old: int, new: int, close_on_exec: bool) -> int:
    number = new & 0xFFFF_FFFF
    if number >= call.process.limits[NOFILE][0]:
        raise LinuxError(Errno.EBADF)
    return call.process.files.replace(call.cpu, number, call.any_file(old), close_on_exec)


def fcntl(call: Call, fd: int, command: int, argument: int) -> int:
    """Commands for every file, then the file's own."""
    descriptor, what = call.process.files.descriptor(as_int(fd)), as_int(command)
    file = descriptor.file
    if what in (F_DUPFD, F_DUPFD_CLOEXEC):
        if argument >= call.process.limits[NOFILE][0]:
            raise LinuxError(Errno.EINVAL)
        return call.process.files.install(call.new_fd(argument), file, what == F_DUPFD_CLOEXEC)
    if what == F_GETFD:
        return FD_CLOEXEC if descriptor.close_on_exec else 0
    if what == F_SETFD:
        descriptor.close_on_exec = bool(argument & FD_CLOEXEC)
        return 0
    if what == F_GETFL:
        return file.flags
    if file.flags & O_PATH:
        raise LinuxError(Errno.EBADF)
    if what == F_SETFL:
        if argument & O_DIRECT & ~file.settable:
            raise LinuxError(Errno.EINVAL)
        file_owner.set_flags(call, file, as_int(fd), argument)
        return 0
    if what in file_owner.COMMANDS:
        return file_owner.fcntl_owner(call, file, what, argument)
    if what == F_DUPFD_QUERY:
        return int(call.file(argument) is file)
    if what == F_CREATED_QUERY:
        return int(file.created)
    if what in lock.COMMANDS:
        return lock.fcntl_lock(call, file, what, argument)
    if what in (F_SETLEASE, F_GETLEASE):
        return lock.fcntl_lease(call, file, as_int(fd), what, argument)
    if what in (F_GETPIPE_SZ, F_SETPIPE_SZ) and file.status().mode & S_IFMT != S_IFIFO:
        raise LinuxError(Errno.EBADF)
    return file.fcntl(call, what, argument)


def leave_shared(call: Call) -> None:
    """Give the process a table of its own, if it shares one with another process (CLONE_FILES)."""
    own, everyone = call.process, call.kernel.processes.values()
    if any(other.files is own.files and other.tasks for other in everyone if other is not own):
        own.files.check_room_for_copy()
        own.files = own.files.copy()


def close_range(call: Call, first: int, last: int, flags: int) -> int:
    """Close descriptors `first` to `last`, or set FD_CLOEXEC. CLOSE_RANGE_UNSHARE: not those of another process."""
    first, last, flags = (value & 0xFFFF_FFFF for value in (first, last, flags))
    if flags & ~(_CLOSE_RANGE_UNSHARE | _CLOSE_RANGE_CLOEXEC) or first > last:
        raise LinuxError(Errno.EINVAL)
    if flags & _CLOSE_RANGE_UNSHARE:
        leave_shared(call)
    files = call.process.files
    for fd in files:
        if first <= fd <= last and flags & _CLOSE_RANGE_CLOEXEC:
            files.descriptor(fd).close_on_exec = True
        elif first <= fd <= last:
            files.close(call.cpu, fd)
    return 0


def pipe(call: Call, address: int) -> int:
    return pipe2(call, address, 0)


def pipe2(call: Call, address: int, flags: int) -> int:
    """Writes two descriptors, the reading one first. O_NOTIFICATION_PIPE is EINVAL, as if not configured."""
    flags &= 0xFFFF_FFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT):
        raise LinuxError(Errno.EINVAL)
    fds = new_pair(call, address)
    kernel, modes = call.kernel, flags & (O_NONBLOCK | O_DIRECT)
    ends = make_pipe(kernel.scheduler, kernel.pipes, modes, kernel.new_number())
    return install_pair(call, fds, ends, bool(flags & O_CLOEXEC))


def new_pair(call: Call, address: int) -> tuple[int, int]:
    """Two free descriptors, written to `address`. Raises LinuxError EMFILE, EFAULT."""
    low = call.new_fd()
    high = call.new_fd(low + 1)
    call.memory.write(address, struct.pack("<2i", low, high))
    return low, high


def install_pair(call: Call, fds: tuple[int, int], files: tuple[File, File], close_on_exec: bool) -> int:
    """Point `fds` to `files`. Returns 0."""
    for fd, file in zip(fds, files, strict=True):
        call.process.files.install(fd, file, close_on_exec)
    return 0


def eventfd(call: Call, count: int) -> int:
    return eventfd2(call, count, 0)


def eventfd2(call: Call, count: int, flags: int) -> int:
    flags &= 0xFFFF_FFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE):
        raise LinuxError(Errno.EINVAL)
    file = EventFd(call.kernel.scheduler, count & 0xFFFF_FFFF, flags, call.kernel.new_number())
    return call.process.files.install(call.new_fd(), file, bool(flags & O_CLOEXEC))
