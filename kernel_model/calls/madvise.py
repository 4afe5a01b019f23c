"""madvise (mm/madvise.c). Advice about huge pages, merging and core dumps is checked and then ignored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kernel_model.abi import mman, uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int, page_span
from kernel_model.calls.populate import bring_in_in_turn
from kernel_model.mm import readahead
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.mm import Mm
from kernel_model.mm.page_tables import GUARD, HELD, UFFD_WP
from kernel_model.mm.vma import Vma
from kernel_model.uffd.events import announce_removal
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

_U64: Final = 1 << 64
_IGNORED: Final = (mman.MADV_HUGEPAGE, mman.MADV_NOHUGEPAGE, mman.MADV_DONTDUMP, mman.MADV_DODUMP)


# what a sealed area that cannot be written refuses
_DISCARDS: Final = frozenset({
    mman.MADV_FREE, uapi.MADV_DONTNEED, mman.MADV_DONTNEED_LOCKED, mman.MADV_REMOVE, mman.MADV_DONTFORK,
    mman.MADV_WIPEONFORK, mman.MADV_GUARD_INSTALL,
})  # fmt: skip
_CHANGES_AREAS: Final = frozenset({
    mman.MADV_NORMAL, mman.MADV_RANDOM, mman.MADV_SEQUENTIAL, mman.MADV_HUGEPAGE, mman.MADV_NOHUGEPAGE,
    mman.MADV_DONTDUMP, mman.MADV_DODUMP, mman.MADV_DONTFORK, mman.MADV_DOFORK, mman.MADV_WIPEONFORK,
    mman.MADV_KEEPONFORK,
})  # fmt: skip


def changes_areas(advice: int) -> bool:
    """Whether this advice needs mmap_lock as a writer."""
    return as_int(advice) in _CHANGES_AREAS


def only_discards(advice: int) -> bool:
    """Whether this advice drops private pages: Linux 6.18 needs no more than the lock of their area for it."""
    return as_int(advice) in (uapi.MADV_DONTNEED, mman.MADV_DONTNEED_LOCKED, mman.MADV_FREE)


def madvise(call: Call, address: int, length: int, advice: int) -> int:
    """Apply `advice` to the mapped parts of the range; ENOMEM afterwards if it has a hole."""
    advice = as_int(advice)
    if advice not in _ADVICE and advice not in (mman.MADV_POPULATE_READ, mman.MADV_POPULATE_WRITE):
        raise LinuxError(Errno.EINVAL)
    start, end = page_span(address, length)
    if end >= _U64:
        raise LinuxError(Errno.EINVAL)
    if start == end:
        return 0
    if advice in (mman.MADV_POPULATE_READ, mman.MADV_POPULATE_WRITE):
        return _populate(call, start, end, WRITE if advice == mman.MADV_POPULATE_WRITE else 0)
    hole = call.mm.vmas.contiguous_end(start, end) < end
    for vma in call.mm.vmas.overlapping(start, end):
        if vma.sealed and advice in _DISCARDS and vma.is_anonymous and not vma.prot & uapi.PROT_WRITE:
            raise LinuxError(Errno.EPERM)
        _ADVICE[advice](_Advice(call, vma, max(start, vma.start), min(end, vma.end), advice))
    call.mm.vmas.merge(start, end)
    if hole:
        raise LinuxError(Errno.ENOMEM)
    return 0


def check_remote(mm: Mm, address: int, length: int, advice: int) -> None:
    """The advice about another process's memory, which has no visible effect. Raises LinuxError EINVAL, ENOMEM."""
    start, end = page_span(address, length)
    if end >= _U64:
        raise LinuxError(Errno.EINVAL)
    areas = mm.vmas.overlapping(start, end) if end > start else []
    if advice in (mman.MADV_COLD, mman.MADV_PAGEOUT) and any(vma.locked for vma in areas):
        raise LinuxError(Errno.EINVAL)
    if mm.vmas.contiguous_end(start, end) < end:
        raise LinuxError(Errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class _Advice:
    """Advice for [start, end), which lies in one area."""

    call: Call
    vma: Vma
    start: int
    end: int
    advice: int

    def refuse(self, condition: bool, errno: Errno = Errno.EINVAL) -> None:
        if condition:
            raise LinuxError(errno)

    def isolated(self) -> Vma:
        """The area, cut to the range. Raises LinuxError EAGAIN when there are too many areas."""
        try:
            return self.call.mm.vmas.isolate(self.start, self.end)[0]
        except LinuxError as error:
            raise LinuxError(Errno.EAGAIN) from error


def _ignore(advice: _Advice) -> None:
    """Advice that has no visible effect."""


def _read_ahead(advice: _Advice) -> None:
    """The order of accesses to come, which read-ahead and reclaim go by."""
    advice.isolated().advice = _ORDERS[advice.advice]


def _will_need(advice: _Advice) -> None:
    """Start to read what is missing of a file on disk; nothing waits for it."""
    vma = advice.vma
    if isinstance(vma.file, DiskPages):
        start = vma.offset + advice.start - vma.start
        readahead.advised(advice.call.cpu, vma.file, start, start + advice.end - advice.start)


def _cold(advice: _Advice) -> None:
    """MADV_COLD: pages of files on disk are the next to be evicted. MADV_PAGEOUT: they are evicted now."""
    vma = advice.vma
    advice.refuse(vma.locked)
    if isinstance(vma.file, DiskPages):
        call, start = advice.call, vma.offset + advice.start - vma.start
        end, evict = start + advice.end - advice.start, advice.advice == mman.MADV_PAGEOUT
        vma.file.memory.make_cold(call.cpu, call.mm, vma.file, start, end, evict=evict)


def _discard(advice: _Advice) -> None:
    """MADV_DONTNEED: drop the pages. MADV_FREE: keep them until memory is short."""
    vma = advice.vma
    advice.refuse(vma.locked and advice.advice != mman.MADV_DONTNEED_LOCKED)
    advice.refuse(advice.advice == mman.MADV_FREE and not vma.is_anonymous)
    announce_removal(advice.call, vma, advice.start, advice.end)
    if advice.advice == mman.MADV_FREE:
        advice.call.kernel.file_memory.lazy.add(advice.call.mm, advice.start, advice.end)
    else:
        advice.call.mm.zap(vma, advice.start, advice.end)


def _remove(advice: _Advice) -> None:
    """MADV_REMOVE: punch a hole in the shared file behind the range."""
    vma = advice.vma
    advice.refuse(vma.locked or vma.file is None)
    advice.refuse(not vma.shared or not vma.may_write, Errno.EACCES)
    assert vma.file is not None
    offset = vma.offset + advice.start - vma.start
    announce_removal(advice.call, vma, advice.start, advice.end)
    vma.file.punch(offset, offset + advice.end - advice.start)


def _fork(advice: _Advice) -> None:
    advice.isolated().dont_fork = advice.advice == mman.MADV_DONTFORK


def _wipe(advice: _Advice) -> None:
    wipe = advice.advice == mman.MADV_WIPEONFORK
    advice.refuse(wipe and not advice.vma.is_anonymous)
    advice.isolated().wipe_on_fork = wipe


def _guard(advice: _Advice) -> None:
    """MADV_GUARD_INSTALL: drop the data; accesses fault, also after MADV_DONTNEED."""
    mm, vma = advice.call.mm, advice.vma
    advice.refuse(vma.locked)
    mm.prepare_anon(vma)
    mm.zap(vma, advice.start, advice.end)
    empty = mm.empty_entry(vma)
    for marker in {empty, empty | UFFD_WP}:
        mm.pages.replace_empty(advice.start, advice.end, marker, GUARD)
    if vma.uffd is not None:  # pff: no handler could resolve such a fault
        mm.withdraw(advice.call.cpu, advice.start, advice.end)


def _unguard(advice: _Advice) -> None:
    mm, vma = advice.call.mm, advice.vma
    for page, entry in mm.pages.used(advice.start, advice.end):
        if not entry & HELD and entry & GUARD:
            mm.pages.set(page, mm.empty_entry(vma))


def _populate(call: Call, start: int, end: int, access: int) -> int:
    """Touch every page. Raises LinuxError ENOMEM (a hole), EINVAL (rights), EFAULT (the fault would be a signal)."""
    while start < end:
        vma = call.mm.vmas.find(start)
        if vma is None:
            raise LinuxError(Errno.ENOMEM)
        if not vma.prot & (uapi.PROT_WRITE if access else uapi.PROT_READ):
            raise LinuxError(Errno.EINVAL)
        for page in range(max(start, call.pending.cursor), min(end, vma.end), PAGE_SIZE):
            bring_in_in_turn(call, page, access)
        start = vma.end
    return 0


_ORDERS: Final = {
    mman.MADV_NORMAL: 0, mman.MADV_RANDOM: readahead.RANDOM, mman.MADV_SEQUENTIAL: readahead.SEQUENTIAL
}  # fmt: skip
_ADVICE: Final[dict[int, Callable[[_Advice], None]]] = {
    **dict.fromkeys(_IGNORED, _ignore),
    **dict.fromkeys(_ORDERS, _read_ahead),
    mman.MADV_WILLNEED: _will_need,
    mman.MADV_COLD: _cold,
    mman.MADV_PAGEOUT: _cold,
    uapi.MADV_DONTNEED: _discard,
    mman.MADV_DONTNEED_LOCKED: _discard,
    mman.MADV_FREE: _discard,
    mman.MADV_REMOVE: _remove,
    mman.MADV_DONTFORK: _fork,
    mman.MADV_DOFORK: _fork,
    mman.MADV_WIPEONFORK: _wipe,
    mman.MADV_KEEPONFORK: _wipe,
    mman.MADV_GUARD_INSTALL: _guard,
    mman.MADV_GUARD_REMOVE: _unguard,
}
