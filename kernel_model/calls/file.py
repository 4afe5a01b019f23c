"""read, write and their relatives, lseek, close, ioctl (fs/read_write.c)."""

from __future__ import annotations

import stat
import struct

from kernel_model.abi import uapi
from kernel_model.abi.files import FIOCLEX, FIONBIO, FIONCLEX, IOV_MAX, S_IFIFO, S_IFMT
from kernel_model.abi.limits import FSIZE
from kernel_model.abi.mman import FALLOC_FL_PUNCH_HOLE
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files import File, UserBuffer
from kernel_model.files.seek import SEEK_HOLE, SEEK_SET
from kernel_model.files.user_buffer import RW_MAX, check_range
from kernel_model.files.write_signals import too_large
from pffemu.arch.registers import MASK64

_INT64_MAX = (1 << 63) - 1
_OWN = MASK64
_ADVICE_MAX = 5  # POSIX_FADV_NOREUSE


def read(call: Call, fd: int, address: int, size: int) -> int:
    file = _readable(call, fd)
    return file.read(call, _buffer(call, address, size))


def write(call: Call, fd: int, address: int, size: int) -> int:
    file = _writable(call, fd)
    return file.write(call, _buffer(call, address, size))


def readv(call: Call, fd: int, vector: int, count: int) -> int:
    file = _readable(call, fd)
    return file.read(call, import_iovec(call, vector, count))


def writev(call: Call, fd: int, vector: int, count: int) -> int:
    file = _writable(call, fd)
    return file.write(call, import_iovec(call, vector, count))


def pread64(call: Call, fd: int, address: int, size: int, offset: int) -> int:
    return _positioned(_readable(call, fd), offset).read_at(call, _buffer(call, address, size), offset)


def pwrite64(call: Call, fd: int, address: int, size: int, offset: int) -> int:
    return _positioned(_writable(call, fd), offset).write_at(call, _buffer(call, address, size), offset)


def preadv(call: Call, fd: int, vector: int, count: int, offset: int) -> int:
    return _positioned(_readable(call, fd), offset).read_at(call, import_iovec(call, vector, count), offset)


def pwritev(call: Call, fd: int, vector: int, count: int, offset: int) -> int:
    return _positioned(_writable(call, fd), offset).write_at(call, import_iovec(call, vector, count), offset)


def preadv2(call: Call, fd: int, vector: int, count: int, offset: int, _high: int, flags: int) -> int:
    """Offset -1: the file's own position. RWF_* flags are EOPNOTSUPP."""
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EOPNOTSUPP)
    return readv(call, fd, vector, count) if offset == _OWN else preadv(call, fd, vector, count, offset)


def pwritev2(call: Call, fd: int, vector: int, count: int, offset: int, _high: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EOPNOTSUPP)
    return writev(call, fd, vector, count) if offset == _OWN else pwritev(call, fd, vector, count, offset)


def advise(call: Call, fd: int, offset: int, length: int, advice: int) -> int:
    """fadvise64: without effect. Errors: ESPIPE (a pipe), EINVAL (unknown advice)."""
    file = call.file(fd)
    if file.status().mode & S_IFMT == S_IFIFO:
        raise LinuxError(Errno.ESPIPE)
    if length >> 63 or not 0 <= as_int(advice) <= _ADVICE_MAX:
        raise LinuxError(Errno.EINVAL)
    return 0


def readahead(call: Call, fd: int, offset: int, count: int) -> int:
    if not _readable(call, fd).can_seek:
        raise LinuxError(Errno.EINVAL)
    return 0


def sync(call: Call) -> int:
    call.kernel.host_pages.write_back()
    return 0


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
    if offset >> 63 or length >> 63 or not length:
        raise LinuxError(Errno.EINVAL)
    file = _writable(call, fd)
    if offset + length > _INT64_MAX:
        raise LinuxError(Errno.EFBIG)
    status = file.status()
    if stat.S_ISREG(status.mode) and not mode & FALLOC_FL_PUNCH_HOLE:
        check_growth(call, status.size, offset + length)
    file.allocate(mode & 0xFFFF_FFFF, offset, length)
    file.changed(call.cpu)
    return 0


def fsync(call: Call, fd: int) -> int:
    """Write mapped pages back; data of write calls has reached the host already."""
    file = call.file(fd)
    if not stat.S_ISREG(file.status().mode) and not stat.S_ISDIR(file.status().mode):
        raise LinuxError(Errno.EINVAL)
    call.kernel.host_pages.write_back()
    return 0


def close(call: Call, fd: int) -> int:
    call.process.files.close(call.cpu, as_int(fd))
    return 0


def ioctl(call: Call, fd: int, request: int, argument: int) -> int | None:
    """FIOCLEX, FIONCLEX and FIONBIO for every file, then the file's own ioctls."""
    call.file(fd)
    descriptor, what = call.process.files.descriptor(as_int(fd)), request & 0xFFFF_FFFF
    if what in (FIOCLEX, FIONCLEX):
        descriptor.close_on_exec = what == FIOCLEX
        return 0
    if what == FIONBIO:
        on = call.memory.read_u32(argument)
        descriptor.file.flags = descriptor.file.flags & ~uapi.O_NONBLOCK | (uapi.O_NONBLOCK if on else 0)
        return 0
    return descriptor.file.ioctl(call, what, argument)


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


def _positioned(file: File, offset: int) -> File:
    """Check `offset`, after EBADF, as ksys_pread64 does. Raises LinuxError EINVAL."""
    if offset >> 63:
        raise LinuxError(Errno.EINVAL)
    return file
