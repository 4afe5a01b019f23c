"""fsync, sync, sync_file_range, fadvise64, readahead: calls about the page cache of files on disk."""

from __future__ import annotations

from stat import S_IFIFO, S_IFMT, S_ISDIR, S_ISREG
from typing import Final

from kernel_model.abi.files import (
    POSIX_FADV_DONTNEED,
    POSIX_FADV_NOREUSE,
    POSIX_FADV_RANDOM,
    POSIX_FADV_WILLNEED,
    SYNC_FILE_RANGE_WAIT_AFTER,
    SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WRITE,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files import File, cached_io
from kernel_model.files.disk_file import DiskFile
from kernel_model.files.host_file import HostFile
from kernel_model.mm import readahead as read_ahead
from kernel_model.mm.disk_pages import DiskPages
from pffemu.arch.paging import page_of, pages_up

_INT64_MAX: Final = (1 << 63) - 1
_SYNC_RANGE_KNOWN: Final = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER


def disk_pages(file: File) -> DiskPages | None:
    """The page cache of a file on disk; None: it is another kind of file."""
    if isinstance(file, HostFile):
        return file.cached_pages
    return file.pages if isinstance(file, DiskFile) else None


def advise(call: Call, fd: int, offset: int, length: int, advice: int) -> int:
    """fadvise64, for files on disk. Errors: ESPIPE (a pipe), EINVAL (unknown advice)."""
    file, advice = call.file(fd), as_int(advice)
    if S_IFMT(file.status().mode) == S_IFIFO:
        raise LinuxError(Errno.ESPIPE)
    if length >> 63 or not 0 <= advice <= POSIX_FADV_NOREUSE:
        raise LinuxError(Errno.EINVAL)
    pages = disk_pages(file)
    if pages is None:
        return 0
    end = offset + length if length else _INT64_MAX
    if advice == POSIX_FADV_WILLNEED:
        read_ahead.advised(call.cpu, pages, offset, end)
    elif advice == POSIX_FADV_DONTNEED:
        _not_needed(call, pages, offset, end)
    elif isinstance(file, HostFile):
        file.advice = read_ahead.RANDOM if advice == POSIX_FADV_RANDOM else 0
    return 0


def _not_needed(call: Call, pages: DiskPages, start: int, end: int) -> None:
    """Start to write the dirty pages of [start, end), and drop those that are clean and not mapped."""
    memory = pages.memory
    memory.writeback.start(call.cpu, memory.writeback.dirty_of(pages, start, end))
    memory.drop_unused(call.cpu, pages, pages_up(start), pages.mapped_size if end >= pages.size else page_of(end))


def readahead(call: Call, fd: int, offset: int, count: int) -> int:
    file = call.file(fd)
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    if not S_ISREG(file.status().mode) or count >> 63:
        raise LinuxError(Errno.EINVAL)
    pages = disk_pages(file)
    if pages is not None:
        read_ahead.advised(call.cpu, pages, offset, offset + count)
    return 0


def sync_file_range(call: Call, fd: int, offset: int, length: int, flags: int) -> int:
    """Write mapped pages back. Errors: EBADF, EINVAL, ESPIPE."""
    file = call.file(fd)
    if flags & 0xFFFF_FFFF & ~_SYNC_RANGE_KNOWN or offset >> 63 or length >> 63 or offset + length > _INT64_MAX:
        raise LinuxError(Errno.EINVAL)
    mode = file.status().mode
    if not (S_ISREG(mode) or S_ISDIR(mode)):
        raise LinuxError(Errno.ESPIPE)
    flags &= 0xFFFF_FFFF
    pages = disk_pages(file)
    if pages is not None:
        memory = pages.memory
        ranges: list[cached_io.Range] = [(pages, page_of(offset), offset + length if length else cached_io.END)]
        if flags & SYNC_FILE_RANGE_WAIT_BEFORE and not flags & SYNC_FILE_RANGE_WRITE:
            cached_io.wait_for_writing(call, memory, ranges)
        if flags & SYNC_FILE_RANGE_WRITE:
            cached_io.start_writing(call, memory, ranges)
        if flags & SYNC_FILE_RANGE_WAIT_AFTER:
            cached_io.wait_for_writing(call, memory, ranges)
    return 0


def sync(call: Call) -> int:
    cached_io.sync(call, call.kernel.file_memory, [(None, 0, cached_io.END)])
    return 0


def fsync(call: Call, fd: int) -> int:
    """Write dirty pages and wait for the disk. Raises LinuxError for a write that has failed since the last call."""
    file = call.file(fd)
    if not S_ISREG(file.status().mode) and not S_ISDIR(file.status().mode):
        raise LinuxError(Errno.EINVAL)
    pages = disk_pages(file)
    if pages is not None:
        cached_io.sync(call, pages.memory, [(pages, 0, cached_io.END)])
    return 0
