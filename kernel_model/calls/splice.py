"""splice, tee and vmsplice (fs/splice.c): whole buffers move between pipes, and between a pipe and a file.

Pages are copied, where Linux moves or shares them: what is stored to a page later does not show in the pipe.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from kernel_model.abi.files import O_APPEND, O_NONBLOCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.calls.file import import_iovec
from kernel_model.files import File
from kernel_model.files.kernel_buffer import KernelBuffer
from kernel_model.files.pipe import Kind, Pipe, PipeReader, PipeWriter
from kernel_model.files.proc.seq_file import SeqFile
from kernel_model.files.seek import SEEK_CUR, SEEK_SET, check_span
from kernel_model.files.splice import PipeSource, read_at, with_flags
from kernel_model.files.user_buffer import RW_MAX
from kernel_model.files.write_signals import broken_pipe
from kernel_model.wait.queue import Blocked
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

_NONBLOCK: Final = 2
_KNOWN: Final = 0xF
_SIGN: Final = 1 << 63


def splice(call: Call, in_fd: int, in_at: int, out_fd: int, out_at: int, size: int, flags: int) -> int:
    """At least one end is a pipe. Errors: EBADF, EINVAL, ESPIPE, EAGAIN, EPIPE, EFAULT, EINTR."""
    size = min(size, RW_MAX)
    if not size:
        return 0
    if flags & 0xFFFF_FFFF & ~_KNOWN:
        raise LinuxError(Errno.EINVAL)
    source, target = call.file(in_fd), call.file(out_fd)
    from_pipe, to_pipe = isinstance(source, PipeReader | PipeWriter), isinstance(target, PipeReader | PipeWriter)
    if (from_pipe and in_at) or (to_pipe and out_at):
        raise LinuxError(Errno.ESPIPE)
    start = read_offset(call, source, in_at) if in_at else None
    to = read_offset(call, target, out_at) if out_at else None
    if not source.readable or not target.writable:
        raise LinuxError(Errno.EBADF)
    nonblocking = bool(flags & _NONBLOCK)
    if isinstance(source, PipeReader) and isinstance(target, PipeWriter):
        nonblocking |= source.nonblocking or target.nonblocking
        return _pipe_to_pipe(call, source.pipe, target.pipe, size, nonblocking, move=True)
    if isinstance(source, PipeReader):
        return _pipe_to_file(call, source, target, to, out_at, size, nonblocking or source.nonblocking)
    if isinstance(target, PipeWriter):
        if in_at and not source.can_seek:
            raise LinuxError(Errno.EINVAL)
        if start is None:
            start = source.seek(0, SEEK_CUR) if source.can_seek else 0
        check_span(start, size)
        moved = moves(call, source, in_at)
        return file_to_pipe(call, source, start, target, size, nonblocking or target.nonblocking, moved)
    raise LinuxError(Errno.EINVAL)


def tee(call: Call, in_fd: int, out_fd: int, size: int, flags: int) -> int:
    """Copy between pipes without consuming. Errors: EBADF, EINVAL, EAGAIN, EPIPE, EINTR."""
    if flags & 0xFFFF_FFFF & ~_KNOWN:
        raise LinuxError(Errno.EINVAL)
    size = min(size, RW_MAX)
    if not size:
        return 0
    source, target = call.file(in_fd), call.file(out_fd)
    if not source.readable or not target.writable:
        raise LinuxError(Errno.EBADF)
    if not isinstance(source, PipeReader) or not isinstance(target, PipeWriter):
        raise LinuxError(Errno.EINVAL)
    nonblocking = bool(flags & _NONBLOCK) or source.nonblocking or target.nonblocking
    return _pipe_to_pipe(call, source.pipe, target.pipe, size, nonblocking, move=False)


def vmsplice(call: Call, fd: int, vector: int, count: int, flags: int) -> int:
    """User memory into a pipe, or out of one. Errors: EBADF, EINVAL, EAGAIN, EPIPE, EFAULT, EINTR."""
    if flags & 0xFFFF_FFFF & ~_KNOWN:
        raise LinuxError(Errno.EINVAL)
    file = call.file(fd)
    buffer = import_iovec(call, vector, count)
    if not buffer.size:
        return 0
    if isinstance(file, PipeReader):
        with with_flags(file, O_NONBLOCK if flags & _NONBLOCK else 0):
            return file.read(call, buffer)
    if not isinstance(file, PipeWriter):
        raise LinuxError(Errno.EBADF)
    pipe, done = file.pipe, 0
    _wait_for_space(call, pipe, bool(flags & _NONBLOCK) or file.nonblocking)
    while pipe.room and buffer.size:
        data = buffer.gather(buffer.on_one_page)
        if not data:
            break
        pipe.append(call.cpu, data)
        buffer.skip(len(data))
        done += len(data)
    if not done:
        raise LinuxError(Errno.EFAULT)
    return done


def file_to_pipe(
    call: Call, source: File, start: int, target: PipeWriter, size: int, nonblocking: bool, moved: Callable[[int], None]
) -> int:
    """Fill the pipe's free buffers, each with at most a page. `moved` is told the source's new position."""
    pipe = target.pipe
    _wait_for_space(call, pipe, nonblocking)
    spliced_from(source)
    if bytes_left(call, source, start) is None and not source.can_seek:
        with with_flags(source, O_NONBLOCK if nonblocking else 0):
            buffer = KernelBuffer(min(size, pipe.room * PAGE_SIZE))
            source.read(call, buffer)
        pieces = [bytes(buffer.data[at : at + PAGE_SIZE]) for at in range(0, len(buffer.data), PAGE_SIZE)]
    else:
        data = read_at(call, source, start, min(size, pipe.room * PAGE_SIZE))
        edges = [0, *range(PAGE_SIZE - start % PAGE_SIZE, len(data), PAGE_SIZE), len(data)]
        pieces = [data[low:high] for low, high in pairwise(edges)][: pipe.room]
    done = 0
    for piece in pieces:
        if piece:
            pipe.append(call.cpu, piece)
            done += len(piece)
    if done and source.can_seek:
        moved(start + done)
    return done


def _pipe_to_file(
    call: Call, source: PipeReader, target: File, to: int | None, out_at: int, size: int, nonblocking: bool
) -> int:
    if to is not None and not target.can_seek:
        raise LinuxError(Errno.EINVAL)
    if target.flags & O_APPEND:
        raise LinuxError(Errno.EINVAL)
    spliced_to(target)
    if not source.pipe.buffers and call.pending.progress:
        return call.pending.progress
    if not _wait_for_data(call, source.pipe, nonblocking):
        return 0
    buffer = PipeSource(call, source.pipe, size)
    if to is None:
        return buffer.finish(target.write(call, buffer))
    store = moves(call, target, out_at)
    done = buffer.finish(target.write_at(call, buffer, to))
    store(to + done)
    return done


def _pipe_to_pipe(call: Call, source: Pipe, target: Pipe, size: int, nonblocking: bool, *, move: bool) -> int:
    """splice_pipe_to_pipe, and link_pipe without `move`."""
    if source is target:
        raise LinuxError(Errno.EINVAL)
    if not _wait_for_data(call, source, nonblocking):
        return 0
    _wait_for_space(call, target, nonblocking)
    done = at = 0
    while done < size and target.room and at < len(source.buffers):
        data, kind = bytes(source.buffers[at][: size - done]), source.kinds[at]
        whole = len(data) == len(source.buffers[at])
        target.append(call.cpu, data, kind if kind is Kind.PACKET and whole else Kind.SPLICED)
        done += len(data)
        if not move:
            at += 1
        elif whole or kind is not Kind.PACKET:
            source.consume(call.cpu, len(data))
        else:
            del source.buffers[0][: len(data)]
    return done


def _wait_for_data(call: Call, pipe: Pipe, nonblocking: bool) -> bool:
    """Whether there is data; False when no writer is left. Raises LinuxError EAGAIN; Blocked."""
    if pipe.buffers or not pipe.writers:
        return bool(pipe.buffers)
    if nonblocking:
        raise LinuxError(Errno.EAGAIN)
    raise Blocked(pipe.data, why="data in a pipe")


def _wait_for_space(call: Call, pipe: Pipe, nonblocking: bool) -> None:
    """Return when the pipe takes a buffer. Raises LinuxError EPIPE, EAGAIN; Blocked."""
    if not pipe.readers:
        broken_pipe(call)
    if pipe.full:
        if nonblocking:
            raise LinuxError(Errno.EAGAIN)
        raise Blocked(pipe.space, why="space in a pipe")


def spliced_from(file: File) -> None:
    """Check that bytes can be spliced from `file`. Raises LinuxError EINVAL."""
    if not file.can_splice or not (file.splices_from or _always_splices(file)):
        raise LinuxError(Errno.EINVAL)


def spliced_to(file: File) -> None:
    """Check that bytes can be spliced to `file`. Raises LinuxError EINVAL."""
    if not file.can_splice or not (file.splices_to or _always_splices(file)):
        raise LinuxError(Errno.EINVAL)


def _always_splices(file: File) -> bool:
    mode = file.status().mode
    return stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def bytes_left(call: Call, file: File, start: int) -> int | None:
    """The bytes of a regular file from `start` on; None of any other file."""
    if isinstance(file, SeqFile):
        return file.bytes_left(call, start)
    status = file.status()
    return max(0, status.size - start) if stat.S_ISREG(status.mode) else None


def read_offset(call: Call, file: File, address: int, *, negative: bool = False) -> int:
    """The offset at `address`, unsigned; the file's position if that is 0.

    Raises LinuxError EFAULT; EINVAL of an offset below 0, unless `negative`.
    """
    if not address:
        return file.seek(0, SEEK_CUR) if file.can_seek else 0
    offset = int.from_bytes(call.memory.read(address, 8), "little")
    if offset & _SIGN and not negative:
        raise LinuxError(Errno.EINVAL)
    return offset


def moves(call: Call, file: File, address: int) -> Callable[[int], None]:
    """What stores a new offset: at `address`, or as the file's position if that is 0. Raises LinuxError EFAULT."""
    if address:
        call.memory.parts(address, 8, WRITE)

    def store(offset: int) -> None:
        if address:
            call.memory.write(address, offset.to_bytes(8, "little"))
        elif file.can_seek:
            file.seek(offset, SEEK_SET)

    return store
