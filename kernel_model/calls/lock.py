"""Locks of files: fcntl's record locks and those of open file descriptions, leases, flock (fs/locks.c)."""

from __future__ import annotations

from stat import S_ISREG

from kernel_model.abi.locks import (
    F_GETLEASE,
    F_GETLK,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_RDLCK,
    F_SETLK,
    F_SETLKW,
    F_UNLCK,
    F_WRLCK,
    FLOCK,
    LOCK_EX,
    LOCK_MAND,
    LOCK_NB,
    LOCK_SH,
    LOCK_UN,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files import File
from kernel_model.files.file_lock import Lock
from kernel_model.files.seek import OFFSET_MAX, SEEK_CUR, SEEK_END, SEEK_SET

_OF_OPEN_FILES = (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
COMMANDS = frozenset({F_GETLK, F_SETLK, F_SETLKW, *_OF_OPEN_FILES})


def fcntl_lock(call: Call, file: File, command: int, address: int) -> int:
    """The commands with a struct flock. Errors: EFAULT, EINVAL, EOVERFLOW, EBADF, EAGAIN, EDEADLK, ENOLCK, EINTR."""
    kind, whence, start, length, pid = FLOCK.unpack(call.memory.read(address, FLOCK.size))
    asks = command in (F_GETLK, F_OFD_GETLK)
    if kind not in (F_RDLCK, F_WRLCK, F_UNLCK) or (command == F_GETLK and kind == F_UNLCK):
        raise LinuxError(Errno.EINVAL)
    first, last = _range(file, whence, start, length)
    if not asks and ((kind == F_RDLCK and not file.readable) or (kind == F_WRLCK and not file.writable)):
        raise LinuxError(Errno.EBADF)
    of_open_file = command in _OF_OPEN_FILES
    if of_open_file and pid:
        raise LinuxError(Errno.EINVAL)
    owner, holder = (file, -1) if of_open_file else (call.process.files, call.process.pid)
    request = Lock(owner, kind, first, last, holder)
    if asks:
        _tell(call, file, request, address, FLOCK.pack(kind, whence, start, length, pid))
    else:
        call.kernel.file_locks.set_record(call, file, request, command in (F_SETLKW, F_OFD_SETLKW))
    return 0


def _range(file: File, whence: int, start: int, length: int) -> tuple[int, int]:
    """The first and last byte that a struct flock means. Raises LinuxError EINVAL, EOVERFLOW."""
    if whence == SEEK_SET:
        base = 0
    elif whence == SEEK_CUR:
        base = file.seek(0, SEEK_CUR) if file.can_seek else 0
    elif whence == SEEK_END:
        base = file.status().size
    else:
        raise LinuxError(Errno.EINVAL)
    first = base + start
    if first > OFFSET_MAX:
        raise LinuxError(Errno.EOVERFLOW)
    if first < 0 or first + min(length, 0) < 0:
        raise LinuxError(Errno.EINVAL)
    if length > 0 and first + length - 1 > OFFSET_MAX:
        raise LinuxError(Errno.EOVERFLOW)
    if length < 0:
        return first + length, first - 1
    return first, first + length - 1 if length else OFFSET_MAX


def _tell(call: Call, file: File, request: Lock, address: int, before: bytes) -> None:
    """F_GETLK: the first lock in the way; F_OFD_GETLK with F_UNLCK: the first of the open file itself."""
    locks = call.kernel.file_locks
    found = locks.overlapping(file, request) if request.kind == F_UNLCK else locks.conflict(file, request)
    if found is None:
        call.memory.write(address, F_UNLCK.to_bytes(2, "little") + before[2:])
        return
    length = 0 if found.end == OFFSET_MAX else found.end - found.start + 1
    call.memory.write(address, FLOCK.pack(found.kind, SEEK_SET, found.start, length, found.pid))


def fcntl_lease(call: Call, file: File, fd: int, command: int, argument: int) -> int:
    """F_SETLEASE, F_GETLEASE. Errors: EINVAL, EAGAIN."""
    leases, kind = call.kernel.file_locks.leases, as_int(argument)
    if command == F_GETLEASE:
        return leases.kind_of(file)
    if kind not in (F_RDLCK, F_WRLCK, F_UNLCK) or not S_ISREG(file.status().mode):
        raise LinuxError(Errno.EINVAL)
    leases.set(call, file, fd, kind)
    file.locks = call.kernel.file_locks
    return 0


def flock(call: Call, fd: int, operation: int) -> int:
    """Errors: EBADF, EINVAL, EWOULDBLOCK, EINTR."""
    file = call.file(fd)
    wait, what = not operation & LOCK_NB, operation & 0xFFFF_FFFF & ~LOCK_NB
    if what & LOCK_MAND:
        return 0
    kind = {LOCK_SH: F_RDLCK, LOCK_EX: F_WRLCK, LOCK_UN: F_UNLCK}.get(what)
    if kind is None:
        raise LinuxError(Errno.EINVAL)
    call.kernel.file_locks.set_flock(call, file, Lock(file, kind, pid=call.process.pid), wait)
    return 0
