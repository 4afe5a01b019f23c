"""sendfile and copy_file_range (fs/read_write.c): from file to file without user memory.

One call moves at most 1 MiB: a short count is allowed, and callers repeat the call.
"""

from __future__ import annotations

from typing import Final

from kernel_model.abi.files import O_APPEND
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.files import File
from kernel_model.files.host_file import HostFile
from kernel_model.files.kernel_buffer import KernelBuffer, KernelSource
from kernel_model.files.memfd import Memfd
from kernel_model.files.seek import SEEK_CUR, SEEK_SET

_AT_ONCE: Final = 1 << 20  # bytes
_SIGN: Final = 1 << 63


def sendfile(call: Call, out_fd: int, in_fd: int, offset_at: int, count: int) -> int:
    """Copy from a file that has positions to any other. `offset_at` 0: from the file's own position, which moves."""
    source, target = call.file(in_fd), call.file(out_fd)
    if not source.readable or not target.writable:
        raise LinuxError(Errno.EBADF)
    if not source.can_seek:
        raise LinuxError(Errno.ESPIPE if offset_at else Errno.EINVAL)
    if target.flags & O_APPEND:
        raise LinuxError(Errno.EINVAL)
    start = _read_offset(call, source, offset_at)
    data = _take(call, source, start, count)
    sent = target.write(call, KernelSource(data=data)) if data else 0
    _write_offset(call, source, offset_at, start + sent)
    return sent


def copy_file_range(call: Call, in_fd: int, in_at: int, out_fd: int, out_at: int, count: int, flags: int) -> int:
    """Copy between regular files; 0 at the end of the first."""
    source, target = call.file(in_fd), call.file(out_fd)
    if flags & 0xFFFF_FFFF or not _is_regular(source) or not _is_regular(target):
        raise LinuxError(Errno.EINVAL)
    if not source.readable or not target.writable or target.flags & O_APPEND:
        raise LinuxError(Errno.EBADF)
    start, to = _read_offset(call, source, in_at), _read_offset(call, target, out_at)
    if _same(source, target) and start < to + count and to < start + count:
        raise LinuxError(Errno.EINVAL)
    data = _take(call, source, start, count)
    done = target.write_at(call, KernelSource(data=data), to) if data else 0
    _write_offset(call, source, in_at, start + done)
    _write_offset(call, target, out_at, to + done)
    return done


def _take(call: Call, source: File, start: int, count: int) -> bytes:
    buffer = KernelBuffer(min(count, _AT_ONCE))
    if count:
        source.read_at(call, buffer, start)
    return bytes(buffer.data)


def _read_offset(call: Call, file: File, address: int) -> int:
    """The offset at `address`, or the file's position if that is 0. Raises LinuxError EFAULT, EINVAL."""
    if not address:
        return file.seek(0, SEEK_CUR)
    offset = int.from_bytes(call.memory.read(address, 8), "little")
    if offset & _SIGN:
        raise LinuxError(Errno.EINVAL)
    return offset


def _write_offset(call: Call, file: File, address: int, offset: int) -> None:
    if address:
        call.memory.write(address, offset.to_bytes(8, "little"))
    else:
        file.seek(offset, SEEK_SET)


def _is_regular(file: File) -> bool:
    return isinstance(file, HostFile | Memfd)


def _same(one: File, other: File) -> bool:
    if isinstance(one, HostFile) and isinstance(other, HostFile):
        return one.place.names == other.place.names
    return one is other
