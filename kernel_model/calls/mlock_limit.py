"""RLIMIT_MEMLOCK: how much memory a process without CAP_IPC_LOCK may lock (mm/mlock.c, mm/mmap.c)."""

from __future__ import annotations

from kernel_model.abi.limits import MEMLOCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.task.credentials import CAP_IPC_LOCK


def check_may_lock(call: Call) -> None:
    """Raises LinuxError EPERM (can_do_mlock)."""
    if not _may_lock_all(call) and not call.process.limits[MEMLOCK][0]:
        raise LinuxError(Errno.EPERM)


def check_lock(call: Call, start: int, end: int) -> None:
    """[start, end) is within the limit (what is locked already counts once). Raises LinuxError ENOMEM."""
    if _may_lock_all(call):
        return
    again = sum(min(end, vma.end) - max(start, vma.start) for vma in call.mm.vmas.overlapping(start, end) if vma.locked)
    if _locked(call) - again + end - start > call.process.limits[MEMLOCK][0]:
        raise LinuxError(Errno.ENOMEM)


def check_lock_all(call: Call) -> None:
    """All memory is within the limit. Raises LinuxError ENOMEM."""
    if not _may_lock_all(call):
        mapped = sum(vma.end - vma.start for vma in call.mm.vmas)
        if mapped > call.process.limits[MEMLOCK][0]:
            raise LinuxError(Errno.ENOMEM)


def check_new(call: Call, size: int, *, locked: bool) -> None:
    """`size` bytes more, if they come locked, are within the limit. Raises LinuxError EAGAIN (mlock_future_ok)."""
    if locked and not _may_lock_all(call) and _locked(call) + size > call.process.limits[MEMLOCK][0]:
        raise LinuxError(Errno.EAGAIN)


def _may_lock_all(call: Call) -> bool:
    return call.task.credentials.has(CAP_IPC_LOCK)


def _locked(call: Call) -> int:
    """Bytes of locked areas (VmLck)."""
    return sum(vma.end - vma.start for vma in call.mm.vmas if vma.locked)
