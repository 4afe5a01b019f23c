"""sendfile and copy_file_range (fs/read_write.c): from file to file without user memory."""

from __future__ import annotations

import stat
from typing import Final

from kernel_model.abi.files import O_APPEND
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.calls.splice import bytes_left, file_to_pipe, moves, read_offset, spliced_from, spliced_to
from kernel_model.files.pipe import PipeWriter
from kernel_model.files.seek import OFFSET_MAX, check_span
from kernel_model.files.splice import FileSource
from kernel_model.files.user_buffer import RW_MAX
from pffemu.arch.registers import MASK64

_DEVICE_MAX: Final = 1 << 20  # bytes of a device that one call moves


def sendfile(call: Call, out_fd: int, in_fd: int, offset_at: int, count: int) -> int:
    """Copy from a file that has positions to any other. `offset_at` 0: from the file's own position, which moves."""
    source, count = call.file(in_fd), min(count, RW_MAX)
    if not source.readable:
        raise LinuxError(Errno.EBADF)
    if offset_at and not source.can_seek:
        raise LinuxError(Errno.ESPIPE)
    start = read_offset(call, source, offset_at)
    check_span(start, count)
    target = call.file(out_fd)
    if not target.writable:
        raise LinuxError(Errno.EBADF)
    moved = moves(call, source, offset_at)
    if isinstance(target, PipeWriter):
        return file_to_pipe(call, source, start, target, count, target.nonblocking, moved)
    if target.flags & O_APPEND or not source.can_seek:
        raise LinuxError(Errno.EINVAL)
    spliced_from(source)
    spliced_to(target)
    done, left = call.pending.progress, bytes_left(call, source, start)
    size = min(count, done + (_DEVICE_MAX if left is None else left))
    buffer = FileSource(call, source, start - done, size, moved)
    return buffer.finish(target.write(call, buffer)) if size else 0


def copy_file_range(call: Call, in_fd: int, in_at: int, out_fd: int, out_at: int, count: int, flags: int) -> int:
    """Copy between regular files; 0 at the end of the first."""
    source, target = call.file(in_fd), call.file(out_fd)
    start = read_offset(call, source, in_at, negative=True)
    to = read_offset(call, target, out_at, negative=True)
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    for file in (source, target):
        if stat.S_ISDIR(file.status().mode):
            raise LinuxError(Errno.EISDIR)
        if not stat.S_ISREG(file.status().mode):
            raise LinuxError(Errno.EINVAL)
    if not source.readable or not target.writable or target.flags & O_APPEND:
        raise LinuxError(Errno.EBADF)
    if max(start, to) + count > MASK64:
        raise LinuxError(Errno.EOVERFLOW)
    if start > OFFSET_MAX or to >= OFFSET_MAX:
        raise LinuxError(Errno.EFBIG if to == OFFSET_MAX else Errno.EINVAL)
    size = min(count, bytes_left(call, source, start) or 0, RW_MAX)
    if source.inode == target.inode and start < to + size and to < start + size:
        raise LinuxError(Errno.EINVAL)
    moved, written = moves(call, source, in_at), moves(call, target, out_at)
    buffer = FileSource(call, source, start, size, moved)
    done = buffer.finish(target.write_at(call, buffer, to)) if size else 0
    written(to + done)
    return done
