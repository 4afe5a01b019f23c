"""MADV_FREE: private pages whose data may be lost until the program stores to them again (mm/madvise.c, mm/rmap.c).

Such a page is freed when memory is short, if its dirty bit, which the advice cleared, is still clear.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from kernel_model.mm.page_tables import HELD, LAZY, OWNED
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.counters import CacheCounters
    from pffemu.hw.cpu import Cpu


class LazyFree:
    """The pages by frame, where each was mapped when the advice was given; the oldest first."""

    def __init__(self, frames: FrameAllocator, counters: CacheCounters) -> None:
        self._frames, self._counters = frames, counters
        self._pages: OrderedDict[int, tuple[Mm, int]] = OrderedDict()

    def add(self, mm: Mm, start: int, end: int) -> None:
        """The data of the private pages of [start, end) that no other process shares may be lost."""
        mm.settle()
        for address, entry in mm.pages.used(start, end):
            frame = entry & PTE_ADDRESS
            if entry & HELD and entry & OWNED and not self._frames.is_shared(frame):
                mm.pages.set(address, entry & ~(PTE_A | PTE_D) | LAZY)
                mm.stale = True
                self._pages[frame] = (mm, address)
                self._pages.move_to_end(frame)
                self._counters.pglazyfree += 1

    def free(self, cpu: Cpu, wanted: int) -> int:
        """Free up to `wanted` of them; their number. What was stored to since, or is gone, is left alone."""
        freed = 0
        while self._pages and freed < wanted:
            frame, (mm, address) = self._pages.popitem(last=False)
            cpu.charge("kernel.reclaim.scan")
            entry = 0 if mm.is_gone else mm.pages.entry(address)
            vma = None if mm.is_gone else mm.vmas.find(address)
            untouched = entry & HELD and entry & (OWNED | LAZY | PTE_D) == OWNED | LAZY
            if vma is None or not untouched or entry & PTE_ADDRESS != frame or self._frames.is_shared(frame):
                continue
            if vma.locked:
                continue
            mm.zap(vma, address, address + PAGE_SIZE)
            cpu.charge("kernel.rmap.entry")
            self._counters.pglazyfreed += 1
            freed += 1
        return freed
