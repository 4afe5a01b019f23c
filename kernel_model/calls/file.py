"""read, write and their relatives, lseek, close, ioctl (fs/read_write.c)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from stat import S_ISFIFO, S_ISREG

from kernel_model.abi import uapi
from kernel_model.abi.files import (
    FIOASYNC,
    FIOCLEX,
    FIONBIO,
    FIONCLEX,
    IOV_MAX,
    O_APPEND,
    O_ASYNC,
    RWF_APPEND,
    RWF_DSYNC,
    RWF_HIPRI,
    RWF_NOAPPEND,
    RWF_NOWAIT,
    RWF_SYNC,
)
from kernel_model.abi.limits import FSIZE
from kernel_model.abi.mman import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_UNSHARE_RANGE,
    FALLOC_FL_WRITE_ZEROES,
    FALLOC_FL_ZERO_RANGE,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.file_owner import set_flags
from kernel_model.files import File, UserBuffer
from kernel_model.files.seek import SEEK_HOLE, SEEK_SET
from kernel_model.files.splice import with_flags
from kernel_model.files.user_buffer import RW_MAX, check_range
from kernel_model.files.write_signals import too_large
from pffemu.arch.registers import MASK64

# modes of fallocate, and whether FALLOC_FL_KEEP_SIZE must (True) or must not (False) come with them
_FALLOC_MODES = {
    0: None, FALLOC_FL_UNSHARE_RANGE: None, FALLOC_FL_ZERO_RANGE: None, FALLOC_FL_PUNCH_HOLE: True,
    FALLOC_FL_COLLAPSE_RANGE: False, FALLOC_FL_INSERT_RANGE: False, FALLOC_FL_WRITE_ZEROES: False,
}  # fmt: skip
_INT64_MAX = (1 << 63) - 1
_OWN = MASK64
_RWF_KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND

Transfer = Callable[..., int]


def _counted_read(transfer: Transfer) -> Transfer:
    """Count the calls of `transfer` and their bytes (Linux: add_rchar, inc_syscr), for /proc/PID/io."""

    @wraps(transfer)
    def counted(call: Call, *arguments: int) -> int:
        done = transfer(call, *arguments)
        call.task.usage.reads += 1
        call.task.usage.read_bytes += done
        return done

    return counted


def _counted_write(transfer: Transfer) -> Transfer:
    @wraps(transfer)
    def counted(call: Call, *arguments: int) -> int:
        done = transfer(call, *arguments)
        call.task.usage.writes += 1
        call.task.usage.written_bytes += done
        return done

    return counted


@_counted_read
def read(call: Call, fd: int, address: int, size: int) -> int:
    file = _readable(call, fd)
    return file.read(call, _buffer(call, address, size))


@_counted_write
def write(call: Call, fd: int, address: int, size: int) -> int:
    file = _writable(call, fd)
    return file.write(call, _buffer(call, address, size))


@_counted_read
def readv(call: Call, fd: int, vector: int, count: int) -> int:
    file = _readable(call, fd)
    return file.read(call, import_iovec(call, vector, count))


@_counted_write
def writev(call: Call, fd: int, vector: int, count: int) -> int:
    file = _writable(call, fd)
    return file.write(call, import_iovec(call, vector, count))


@_counted_read
def pread64(call: Call, fd: int, address: int, size: int, offset: int) -> int:
    return _positioned(call, fd, offset, _readable).read_at(call, _buffer(call, address, size), offset)


@_counted_write
def pwrite64(call: Call, fd: int, address: int, size: int, offset: int) -> int:
    return _positioned(call, fd, offset, _writable).write_at(call, _buffer(call, address, size), offset)


@_counted_read
def preadv(call: Call, fd: int, vector: int, count: int, offset: int) -> int:
    return _positioned(call, fd, offset, _readable).read_at(call, import_iovec(call, vector, count), offset)


@_counted_write
def pwritev(call: Call, fd: int, vector: int, count: int, offset: int) -> int:
    return _positioned(call, fd, offset, _writable).write_at(call, import_iovec(call, vector, count), offset)


def preadv2(call: Call, fd: int, vector: int, count: int, offset: int, _high: int, flags: int) -> int:
    """Offset -1: the file's own position. Errors of `flags`: EOPNOTSUPP, EINVAL."""
    file = _readable(call, fd) if offset == _OWN else _positioned(call, fd, offset, _readable)
    with with_rwf(file, flags & 0xFFFF_FFFF):
        return readv(call, fd, vector, count) if offset == _OWN else preadv(call, fd, vector, count, offset)


def pwritev2(call: Call, fd: int, vector: int, count: int, offset: int, _high: int, flags: int) -> int:
    file = _writable(call, fd) if offset == _OWN else _positioned(call, fd, offset, _writable)
    with with_rwf(file, flags & 0xFFFF_FFFF):
        return writev(call, fd, vector, count) if offset == _OWN else pwritev(call, fd, vector, count, offset)


def with_rwf(file: File, flags: int) -> AbstractContextManager[None]:
    """kiocb_set_rw_flags: what RWF_* say of one read or write; tmpfs has no RWF_NOWAIT."""
    if flags & ~_RWF_KNOWN or (flags & RWF_NOWAIT and S_ISREG(file.status().mode)):
        raise LinuxError(Errno.EOPNOTSUPP)
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        raise LinuxError(Errno.EINVAL)
    more = (uapi.O_NONBLOCK if flags & RWF_NOWAIT else 0) | (O_APPEND if flags & RWF_APPEND else 0)
    return with_flags(file, more, without=O_APPEND if flags & RWF_NOAPPEND else 0)


def lseek(call: Call, fd: int, offset: int, whence: int) -> int:
    signed = offset - (1 << 64) if offset >> 63 else offset
    file = call.file(fd)
    if not SEEK_SET <= as_int(whence) <= SEEK_HOLE:
        raise LinuxError(Errno.EINVAL)
    return file.seek(signed, as_int(whence))


def ftruncate(call: Call, fd: int, size: int) -> int:
    if size >> 63:
        raise LinuxError(Errno.EINVAL)
    file = call.file(fd)
    check_growth(call, file.status().size, size)
    file.truncate(size)
    file.changed(call.cpu)
    return 0


def check_growth(call: Call, old: int, new: int) -> None:
    """Linux: inode_newsize_ok. Raises LinuxError EFBIG, with SIGXFSZ."""
    if old < new and new > call.process.limits[FSIZE][0]:
        too_large(call)


def fallocate(call: Call, fd: int, mode: int, offset: int, length: int) -> int:
    """vfs_fallocate; of the modes tmpfs has KEEP_SIZE and PUNCH_HOLE, and so have all files here."""
    file, mode = call.file(fd), mode & 0xFFFF_FFFF
    if offset >> 63 or length >> 63 or not length:
        raise LinuxError(Errno.EINVAL)
    what, keeps_size = mode & ~FALLOC_FL_KEEP_SIZE, bool(mode & FALLOC_FL_KEEP_SIZE)
    if what not in _FALLOC_MODES or _FALLOC_MODES[what] not in (None, keeps_size):
        raise LinuxError(Errno.EOPNOTSUPP)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    status = file.status()
    if not S_ISREG(status.mode):
        raise LinuxError(Errno.ESPIPE if S_ISFIFO(status.mode) else Errno.ENODEV)
    if offset + length > _INT64_MAX:
        raise LinuxError(Errno.EFBIG)
    if what not in (0, FALLOC_FL_PUNCH_HOLE):
        raise LinuxError(Errno.EOPNOTSUPP)
    if not what:
        check_growth(call, status.size, offset + length)
    file.allocate(mode, offset, length)
    file.changed(call.cpu)
    return 0


def close(call: Call, fd: int) -> int:
    call.process.files.close(call.cpu, as_int(fd))
    return 0


def ioctl(call: Call, fd: int, request: int, argument: int) -> int | None:
    """FIOCLEX, FIONCLEX, FIONBIO and FIOASYNC for every file, then the file's own ioctls."""
    descriptor, what = call.descriptor(fd), request & 0xFFFF_FFFF
    if what in (FIOCLEX, FIONCLEX):
        descriptor.close_on_exec = what == FIOCLEX
        return 0
    if what == FIONBIO:
        on = call.memory.read_u32(argument)
        descriptor.file.flags = descriptor.file.flags & ~uapi.O_NONBLOCK | (uapi.O_NONBLOCK if on else 0)
        return 0
    if what == FIOASYNC:
        return _ioctl_async(call, descriptor.file, as_int(fd), call.memory.read_u32(argument))
    return descriptor.file.ioctl(call, what, argument)


def _ioctl_async(call: Call, file: File, fd: int, on: int) -> int:
    """FIOASYNC. Raises LinuxError ENOTTY for a file without O_ASYNC."""
    if not file.settable & O_ASYNC:
        raise LinuxError(Errno.ENOTTY)
    set_flags(call, file, fd, file.flags & ~O_ASYNC | (O_ASYNC if on else 0))
    return 0


def import_iovec(call: Call, vector: int, count: int, too_many: Errno = Errno.EINVAL) -> UserBuffer:
    """Linux: import_iovec. Raises LinuxError `too_many`, EINVAL, EFAULT."""
    if count > IOV_MAX:
        raise LinuxError(too_many)
    words = struct.unpack(f"<{2 * count}Q", call.memory.read(vector, 16 * count))
    ranges = list(zip(words[::2], words[1::2], strict=True))
    if any(length > _INT64_MAX for _, length in ranges):
        raise LinuxError(Errno.EINVAL)
    for address, length in ranges:
        check_range(address, min(length, RW_MAX))
    return UserBuffer(call.memory, ranges)


def _buffer(call: Call, address: int, size: int) -> UserBuffer:
    check_range(address, size)
    return UserBuffer(call.memory, [(address, size)])


def _readable(call: Call, fd: int) -> File:
    file = call.file(fd)
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    return file


def _writable(call: Call, fd: int) -> File:
    file = call.file(fd)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    return file


def _positioned(call: Call, fd: int, offset: int, checked: Callable[[Call, int], File]) -> File:
    """The file to use at `offset`, checked in the order of ksys_pread64. Raises LinuxError EINVAL, EBADF, ESPIPE."""
    if offset >> 63:
        raise LinuxError(Errno.EINVAL)
    if not call.file(fd).can_seek:
        raise LinuxError(Errno.ESPIPE)
    return checked(call, fd)
