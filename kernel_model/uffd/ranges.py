"""Checks of the ranges in ioctls' structures."""

from __future__ import annotations

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.vma import is_user_range
from pffemu.arch.paging import PAGE_SIZE, USER_END


def checked_range(start: int, length: int) -> tuple[int, int]:
    """[start, end) in whole pages (Linux: validate_range). Raises LinuxError EINVAL."""
    if not is_user_range(start, length):
        raise LinuxError(Errno.EINVAL)
    return start, start + length


def check_unaligned(start: int, length: int) -> None:
    """Check a range of whole pages at any address (Linux: validate_unaligned_range). Raises LinuxError EINVAL."""
    if start >= USER_END or length % PAGE_SIZE or not 0 < length <= USER_END - start:
        raise LinuxError(Errno.EINVAL)
