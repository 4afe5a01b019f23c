"""The two-list clock of Linux without MGLRU (mm/vmscan.c): inactive pages are evicted, active ones become inactive.

A page that was accessed once gets a second chance; one accessed twice, or by two mappings, becomes active. Dirty pages
are given to writeback and evicted first when they are clean.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from kernel_model.mm.reclaim import rmap
from kernel_model.mm.reclaim.page import CachedPage, Where
from pffemu.events.fields import Hex
from pffemu.events.page_cache import PageReclaimed

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.counters import CacheCounters
    from kernel_model.mm.reclaim.lists import PageLists
    from kernel_model.mm.reclaim.rmap import Mappings
    from kernel_model.mm.reclaim.writeback import Writeback
    from pffemu.hw.cpu import Cpu

BATCH: Final = 32  # pages looked at together (SWAP_CLUSTER_MAX)


class _Fate(Enum):
    EVICTED = auto()
    KEPT = auto()  # it is in use
    STUCK = auto()  # until the disk, or the entry in progress, is done with it


class Scan:
    """One round of reclaim: the reverse map of each file is looked up once."""

    def __init__(
        self, cpu: Cpu, frames: FrameAllocator, lists: PageLists, writeback: Writeback, counters: CacheCounters,
        *, background: bool = False,
    ) -> None:  # fmt: skip
        """`background`: by kswapd."""
        self._cpu, self._frames, self._lists = cpu, frames, lists
        self._writeback, self._counters = writeback, counters
        self._mappings: dict[int, Mappings] = {}
        self._dirty: list[CachedPage] = []
        self._background = background

    def shrink(self, wanted: int) -> int:
        """Evict `wanted` pages, or as many as can be; their number."""
        lists, freed = self._lists, 0
        budget = 3 * len(lists) + BATCH  # every page is aged, given its second chance, and evicted
        self._rescue(lists.oldest(Where.UNEVICTABLE, BATCH))
        rescued, stuck = False, 0
        while freed < wanted and budget > 0 and stuck <= len(lists.inactive):
            if lists.inactive_is_low:
                budget -= self._age_active()
            pages = lists.oldest(Where.INACTIVE, BATCH)
            if not pages and not lists.active:
                if rescued:
                    break
                rescued = True
                self._rescue(list(lists.unevictable.values()))
                continue
            budget -= len(pages) or 1
            for page in pages:
                fate = self._evict(page)
                freed += fate is _Fate.EVICTED
                stuck = stuck + 1 if fate is _Fate.STUCK else 0
                if freed == wanted:
                    break
        self._finish()
        return freed

    def _finish(self) -> None:
        """Let the flusher write the dirty pages that the scan met."""
        if self._dirty:
            self._writeback.ask(self._cpu, self._dirty)
            self._dirty = []

    def _rescue(self, pages: list[CachedPage]) -> None:
        """Make those unevictable pages inactive that no locked area has any more (Linux does so in munlock)."""
        for page in pages:
            locked = rmap.use_of(page, self._mappings_of(page)).locked
            self._lists.put(page, Where.UNEVICTABLE if locked else Where.INACTIVE)

    def _age_active(self) -> int:
        """Make the oldest active pages inactive, but for code in use; their number (shrink_active_list)."""
        pages = self._lists.oldest(Where.ACTIVE, BATCH)
        for page in pages:
            self._cpu.charge("kernel.reclaim.scan")
            use = rmap.use_of(page, self._mappings_of(page))
            self._counters.pgrefill += 1
            if use.locked:
                self._lists.put(page, Where.UNEVICTABLE)
            elif use.accessed and use.executable:
                self._lists.put(page, Where.ACTIVE)
            else:
                self._lists.put(page, Where.INACTIVE)
                page.referenced, page.workingset = False, True
                self._counters.pgdeactivate += 1
        return len(pages)

    def _evict(self, page: CachedPage) -> _Fate:
        """Look at an inactive page, and evict it if it may be (shrink_folio_list)."""
        self._cpu.charge("kernel.reclaim.scan")
        self._count(1, 0)
        mappings = self._mappings_of(page)
        if page.awaited:  # once: its thread, which on Linux holds a reference, is about to use it
            page.awaited = False
            self._lists.put(page, Where.INACTIVE)
            return _Fate.KEPT
        if page.is_busy or self._is_pinned(page, mappings):
            page.reclaim |= page.writing is not None
            self._lists.put(page, Where.INACTIVE)
            return _Fate.STUCK
        use, before = rmap.use_of(page, mappings), page.referenced
        if use.locked:
            self._lists.put(page, Where.UNEVICTABLE)
            return _Fate.KEPT
        if use.accessed:
            page.referenced = True
            if before or use.accessed > 1 or use.executable:
                self._lists.activate(page)
                self._counters.pgactivate += 1
            else:
                self._lists.put(page, Where.INACTIVE)
            return _Fate.KEPT
        if page.dirty:
            page.reclaim = True
            self._dirty.append(page)
            self._lists.put(page, Where.INACTIVE)
            return _Fate.STUCK
        self.drop(page, mappings)
        self._count(0, 1)
        return _Fate.EVICTED

    def _count(self, scanned: int, stolen: int) -> None:
        if self._background:
            self._counters.pgscan_kswapd += scanned
            self._counters.pgsteal_kswapd += stolen
        else:
            self._counters.pgscan_direct += scanned
            self._counters.pgsteal_direct += stolen

    def make_cold(self, mm: Mm, pages: list[CachedPage]) -> list[CachedPage]:
        """Make those pages inactive that `mm` alone has mapped, and forget that they were used; returns them."""
        found = []
        for page in pages:
            mappings = self._mappings_of(page)
            if [entry[0] for entry in rmap.entries(page, mappings)] != [mm] or page.where is Where.UNEVICTABLE:
                continue
            self._cpu.charge("kernel.reclaim.scan")
            found.append(page)
            rmap.use_of(page, mappings)
            page.referenced = False
            if page.where is Where.ACTIVE:
                self._counters.pgdeactivate += 1
            self._lists.put(page, Where.INACTIVE)
        return found

    def page_out(self, pages: list[CachedPage]) -> None:
        """Evict those of the cold `pages` that are clean, and write the others."""
        for page in pages:
            self._evict(page)
        self._finish()

    def drop_unused(self, page: CachedPage) -> bool:
        """Drop `page` if it is clean and not mapped; whether it was."""
        if page.dirty or page.is_busy or any(rmap.entries(page, self._mappings_of(page))):
            return False
        self.drop(page, [])
        return True

    def drop(self, page: CachedPage, mappings: Mappings) -> None:
        """Take the clean `page` out of every mapping and of the cache, and free its frame."""
        entries = rmap.unmap(page, mappings)
        if entries:
            self._cpu.charge("kernel.rmap.entry", entries)
        self._cpu.emit(PageReclaimed, page.file.serial, Hex(page.offset), entries)
        self._lists.evicted(page)
        page.file.forget_page(page)
        self._cpu.charge("kernel.page.free")

    def _mappings_of(self, page: CachedPage) -> Mappings:
        found = self._mappings.get(page.file.serial)
        if found is None:
            found = self._mappings[page.file.serial] = page.file.mappings()
        return found

    def _is_pinned(self, page: CachedPage, mappings: Mappings) -> bool:
        """Whether the fault or the call in progress uses the page."""
        if page.frame == self._frames.held:
            return True
        pins = self._frames.pins
        return bool(pins) and any(
            mm is pinned and start <= address < end
            for mm, _, address, _ in rmap.entries(page, mappings)
            for pinned, start, end in pins
        )
