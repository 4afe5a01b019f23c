"""remap_file_pages (mm/mmap.c): another part of the same file at a place of a shared mapping; deprecated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.calls import mlock_limit
from kernel_model.calls.memory import unmap
from kernel_model.uffd.events import after_events
from pffemu.arch.paging import PAGE_SIZE, page_of

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_U64: Final = 1 << 64


def remap_file_pages(call: Call, start: int, size: int, prot: int, page: int, flags: int) -> int:
    """Map the file from `page` on at [start, start + size). Errors: EINVAL, EPERM (a sealed area)."""
    start, size = page_of(start), page_of(size)
    end = start + size
    if prot or not start < end < _U64 or page + size // PAGE_SIZE >= _U64:
        raise LinuxError(Errno.EINVAL)
    first = call.mm.vmas.find(start)
    if first is None or not first.shared or first.file is None:
        raise LinuxError(Errno.EINVAL)
    if call.mm.vmas.contiguous_end(start, end) < end:
        raise LinuxError(Errno.EINVAL)
    for vma in call.mm.vmas.overlapping(start, end):
        if vma.file is not first.file or vma.prot != first.prot or vma.shared != first.shared:
            raise LinuxError(Errno.EINVAL)
    wanted = replace(first, start=start, end=end, offset=page * PAGE_SIZE, uffd=None, uffd_mode=0)
    mlock_limit.check_new(call, size, locked=wanted.locked)
    events = unmap(call, start, end)
    call.task.usage.minor_faults += call.mm.map(wanted, populate=wanted.locked)
    return after_events(call, events, 0)
