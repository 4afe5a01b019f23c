"""Populating: pages brought in before their first access, for mlock and MADV_POPULATE_* (mm/gup.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import PROT_WRITE, Errno, LinuxError
from kernel_model.call.call import Call, let_others_run
from kernel_model.mm import page_fault
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.wait.queue import Blocked
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma

_PIECE = 1024 * PAGE_SIZE  # bytes brought in before other threads and cores may run


def bring_in(call: Call, page: int, access: int, mm: Mm | None = None) -> None:
    """Bring in `page` of `mm` (None: the caller's) for an access (0 or WRITE). Raises LinuxError EFAULT, Blocked."""
    mm = call.mm if mm is None else mm
    while not mm.is_ready(page, access):
        if page_fault.handle(call.cpu, call.task, page, access, mm) is not None:
            raise LinuxError(Errno.EFAULT)


def bring_in_in_turn(call: Call, page: int, access: int) -> None:
    """`bring_in` for one of many pages of the caller; other threads may run at times. Raises Blocked."""
    if page % _PIECE == 0 and page != call.pending.cursor:
        let_others_run(call, page)
    try:
        bring_in(call, page, access)
    except Blocked:
        call.pending.cursor = page  # those before it may have been evicted again
        raise


def bring_in_late(call: Call, vma: Vma, start: int, end: int) -> None:
    """Populate a part of `vma`, which is new: the call cannot start again. Raises Blocked, but not for the disk.

    For a file on disk the core waits. Errors are ignored: as on Linux, the mapping stays.
    """
    if not isinstance(vma.file, DiskPages):
        bring_in_all(call, start, end, ignore_errors=True)
        return
    access = WRITE if vma.prot & PROT_WRITE and not vma.shared else 0
    most = vma.file.memory.most * PAGE_SIZE  # more would evict what has just come in
    for page in range(start, min(end, start + most), PAGE_SIZE):
        while not call.mm.is_ready(page, access):
            if page_fault.handle(call.cpu, call.task, page, access, may_wait=False) is not None:
                return


def bring_in_all(call: Call, start: int, end: int, *, ignore_errors: bool) -> None:
    """Linux: __mm_populate; private writable pages come in writable. Raises LinuxError ENOMEM, Blocked."""
    for vma in call.mm.vmas.overlapping(start, end):
        access = WRITE if vma.prot & PROT_WRITE and not vma.shared else 0
        for page in range(max(start, vma.start, call.pending.cursor), min(end, vma.end), PAGE_SIZE):
            try:
                bring_in_in_turn(call, page, access)
            except LinuxError:
                if not ignore_errors:
                    raise LinuxError(Errno.ENOMEM) from None
                break
