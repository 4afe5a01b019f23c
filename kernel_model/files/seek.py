"""lseek's arithmetic (fs/read_write.c, generic_file_llseek)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError

SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)
OFFSET_MAX: Final = (1 << 63) - 1


def check_span(offset: int, size: int) -> None:
    """Linux: rw_verify_area. Raises LinuxError EINVAL for a read or write that would pass the largest position."""
    if offset + size > OFFSET_MAX:
        raise LinuxError(Errno.EINVAL)


def sought(offset: int, whence: int, position: int, size: int) -> int:
    """The position after lseek in a file without holes. Raises LinuxError EINVAL, ENXIO."""
    if whence in (SEEK_DATA, SEEK_HOLE):
        if not 0 <= offset < size:
            raise LinuxError(Errno.ENXIO)
        return offset if whence == SEEK_DATA else size
    base = {SEEK_SET: 0, SEEK_CUR: position, SEEK_END: size}.get(whence)
    if base is None:
        raise LinuxError(Errno.EINVAL)
    if not 0 <= base + offset <= OFFSET_MAX:
        raise LinuxError(Errno.EINVAL)
    return base + offset
