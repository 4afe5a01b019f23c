"""mincore, mlock and its relatives, msync (mm/mincore.c, mm/mlock.c, mm/msync.c). Nothing is ever swapped out."""

from __future__ import annotations

from typing import Final

from kernel_model.abi import mman
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, let_others_run, page_span
from kernel_model.calls import mlock_limit
from kernel_model.calls.memory import mapped
from kernel_model.calls.populate import bring_in_all
from kernel_model.files import cached_io
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.locks import EVERYWHERE
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_tables import HELD
from kernel_model.mm.vma import Vma
from pffemu.arch.paging import PAGE_SIZE, USER_END, page_of, pages_up

_U64: Final = 1 << 64
_ALL_LOCK_FLAGS: Final = mman.MCL_CURRENT | mman.MCL_FUTURE | mman.MCL_ONFAULT


def mincore(call: Call, address: int, length: int, vector: int) -> int:
    """Write one byte a page: 1 if it is resident. The pages before a hole are written, then ENOMEM."""
    if address % PAGE_SIZE:
        raise LinuxError(Errno.EINVAL)
    if address > USER_END or length > USER_END - address:
        raise LinuxError(Errno.ENOMEM)
    pages = pages_up(length) // PAGE_SIZE
    if vector > USER_END or pages > USER_END - vector:
        raise LinuxError(Errno.EFAULT)
    done = call.pending.cursor
    pages, vector, address = pages - done, vector + done, address + done * PAGE_SIZE
    while pages:
        vma = call.mm.vmas.find(address)
        if vma is None:
            raise LinuxError(Errno.ENOMEM)
        count = min(pages, PAGE_SIZE, (vma.end - address) // PAGE_SIZE)
        call.memory.write(vector, bytes(_resident(call, vma, address + i * PAGE_SIZE) for i in range(count)))
        pages, vector, address, done = pages - count, vector + count, address + count * PAGE_SIZE, done + count
        if pages and count == PAGE_SIZE:
            let_others_run(call, done)
    return 0


def _resident(call: Call, vma: Vma, page: int) -> bool:
    if call.mm.pages.entry(page) & HELD:
        return True
    offset = vma.offset + page - vma.start
    if isinstance(vma.file, PageCache):
        return vma.file.is_data(offset)
    return vma.file is not None and bool(vma.file.cached_frame(offset))


def mlock(call: Call, address: int, length: int) -> int:
    return _lock(call, address, length, on_fault=False)


def mlock2(call: Call, address: int, length: int, flags: int) -> int:
    if flags & ~mman.MLOCK_ONFAULT:
        raise LinuxError(Errno.EINVAL)
    return _lock(call, address, length, on_fault=bool(flags))


def munlock(call: Call, address: int, length: int) -> int:
    start, end = _around(address, length)
    _mark(call, start, end, False)
    return 0


def mlockall(call: Call, flags: int) -> int:
    if not flags or flags & ~_ALL_LOCK_FLAGS or flags == mman.MCL_ONFAULT:
        raise LinuxError(Errno.EINVAL)
    mlock_limit.check_may_lock(call)
    if flags & mman.MCL_CURRENT:
        mlock_limit.check_lock_all(call)
    call.mm.lock_new = bool(flags & mman.MCL_FUTURE)
    if flags & mman.MCL_CURRENT:
        with call.mm.locks.writing(call.cpu, EVERYWHERE):
            for vma in call.mm.vmas:
                call.mm.undirect(vma)
                vma.locked = True
        if not flags & mman.MCL_ONFAULT:
            for vma in list(call.mm.vmas):
                bring_in_all(call, vma.start, vma.end, ignore_errors=True)
    return 0


def munlockall(call: Call) -> int:
    call.mm.lock_new = False
    with call.mm.locks.writing(call.cpu, EVERYWHERE):
        for vma in call.mm.vmas:
            vma.locked = False
        call.mm.vmas.merge(0, USER_END)
    return 0


def _lock(call: Call, address: int, length: int, *, on_fault: bool) -> int:
    mlock_limit.check_may_lock(call)
    size = pages_up(length + address % PAGE_SIZE) % _U64
    mlock_limit.check_lock(call, page_of(address), page_of(address) + size)
    start, end = _around(address, length)
    _mark(call, start, end, True)
    if not on_fault:
        bring_in_all(call, start, end, ignore_errors=False)
    return 0


def _around(address: int, length: int) -> tuple[int, int]:
    """The whole pages that hold the range. Raises LinuxError EINVAL when it wraps around."""
    start = page_of(address)
    end = start + pages_up(length + address - start) % _U64
    if end >= _U64:
        raise LinuxError(Errno.EINVAL)
    return start, end


def _mark(call: Call, start: int, end: int, locked: bool) -> None:
    """Mark the areas of the range. Raises LinuxError ENOMEM at the first hole; those before it are marked."""
    with call.mm.locks.writing(call.cpu, ((start, end),)):
        try:
            for vma in mapped(call, start, end):
                call.cpu.charge("kernel.vma.change")
                for part in call.mm.vmas.isolate(max(start, vma.start), min(end, vma.end)):
                    if locked:
                        call.mm.undirect(part)
                    part.locked = locked
        finally:
            call.mm.vmas.merge(start, end)


def msync(call: Call, address: int, length: int, flags: int) -> int:
    """MS_SYNC: write dirty pages of shared mappings of files on disk, and wait for the disk.

    Errors: EINVAL, EBUSY (locked), ENOMEM (a hole), and that of a write that has failed.
    """
    known = mman.MS_ASYNC | mman.MS_INVALIDATE | mman.MS_SYNC
    if flags & ~known or (flags & mman.MS_ASYNC and flags & mman.MS_SYNC):
        raise LinuxError(Errno.EINVAL)
    start, end = page_span(address, length)
    if end >= _U64:
        raise LinuxError(Errno.ENOMEM)
    ranges: list[cached_io.Range] = []
    for vma in call.mm.vmas.overlapping(start, end):
        if flags & mman.MS_INVALIDATE and vma.locked:
            raise LinuxError(Errno.EBUSY)
        if flags & mman.MS_SYNC and vma.shared and isinstance(vma.file, DiskPages):
            first = vma.offset + max(start, vma.start) - vma.start
            behind = vma.offset + min(end, vma.end) - vma.start
            ranges.append((vma.file, first, behind))
    if ranges:
        cached_io.sync(call, call.kernel.file_memory, ranges)
    if call.mm.vmas.contiguous_end(start, end) < end:
        raise LinuxError(Errno.ENOMEM)
    return 0
