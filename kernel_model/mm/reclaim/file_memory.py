"""The memory of the page cache of files on disk: room for pages, by eviction where RAM or the quota is short.

The quota bounds the pages of all such files together, as a memory.max would that counts nothing else.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final

from kernel_model.mm.disk import Disk
from kernel_model.mm.reclaim.counters import CacheCounters
from kernel_model.mm.reclaim.kswapd import Kswapd
from kernel_model.mm.reclaim.lazy_free import LazyFree
from kernel_model.mm.reclaim.lists import PageLists
from kernel_model.mm.reclaim.page import CachedPage, Where
from kernel_model.mm.reclaim.scan import BATCH, Scan
from kernel_model.mm.reclaim.writeback import Writeback
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.paging import PAGE_SIZE, page_of
from pffemu.errors import OutOfGuestMemory

if TYPE_CHECKING:
    from kernel_model.mm.disk import DiskRequest
    from kernel_model.mm.disk_pages import DiskPages
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.kernel_thread import Cores, Tlbs
    from pffemu.hw.cpu import Cpu

QUOTA_LEAST: Final = 16 * PAGE_SIZE  # bytes: what one instruction can need at once, and some more
FAULT_AROUND: Final = (1, 2, 4, 8, 16, 32, 64)  # pages


class FileMemory:
    """The pages of all files on disk. `quota`: bytes; 0: only RAM limits them.

    `fault_around`: pages that a read fault maps together, those in the cache (fault_around_bytes).
    """

    def __init__(self, frames: FrameAllocator, cores: Cores, tlbs: Tlbs, quota: int, fault_around: int) -> None:
        self.frames, self._cores, self._tlbs = frames, cores, tlbs
        self.quota, self.fault_around = quota, fault_around
        # frames that the page cache leaves to others: the min watermark, from min_free_kbytes' formula
        self.reserve = min(isqrt(frames.total * PAGE_SIZE // 1024 * 16) * 1024 // PAGE_SIZE, frames.total // 8)
        self.counters = CacheCounters()
        self.lists = PageLists(2 * frames.total)
        self.disk = Disk(cores, self)
        self.lazy = LazyFree(frames, self.counters)
        self.writeback = Writeback(self.disk, cores, tlbs, self.counters)
        self.kswapd = Kswapd(self, cores, tlbs)
        self._serial = 0
        frames.reclaimer = self

    def next_serial(self) -> int:
        """A number for a file's page cache that no other one has."""
        self._serial += 1
        return self._serial

    # -- room ---------------------------------------------------------------------------------------------------

    @property
    def most(self) -> int:
        """Pages that may be in the cache at once."""
        most = len(self.lists) + self.frames.free_frames - self.reserve
        return min(most, self.quota // PAGE_SIZE) if self.quota else most

    def room(self, cpu: Cpu, wanted: int, *, may_wait: bool) -> int:
        """How many pages may be added now, 1 to `wanted`, after eviction of others if they are short.

        Raises Blocked when only pages that the disk works on are left, and OutOfGuestMemory when none is.
        """
        stalled = False
        while True:
            left = self.most - len(self.lists)
            if left >= wanted or (stalled and left > 0):
                return min(left, wanted)
            if not stalled:
                self.counters.allocstall_normal += 1
                stalled = True
            if self.shrink(cpu, max(wanted - left, self._batch)):
                continue
            if left > 0:
                return left
            if self.writeback.is_asked and not may_wait:
                self.writeback.run_now(cpu)
            request = self.disk.earliest
            if request is None and not self.writeback.is_asked:
                if self.frames.free_frames and not self.quota:
                    return 1  # out of the reserve
                raise OutOfGuestMemory(
                    f"no page of a file can be evicted: {len(self.lists)} are cached, all in use or locked",
                    remedy="give the machine more RAM, as in --ram 4G, or a larger --quota",
                )
            if may_wait and request is None:
                raise Blocked(self.writeback.queue, why="dirty pages to be written", sleep=Interruptible.NO, again=True)
            if request is not None:
                if may_wait:
                    raise self.disk.sleep(request)
                self.disk.wait(cpu, request)

    def spare(self, cpu: Cpu, wanted: int) -> int:
        """How many pages may be added that nothing needs yet, 0 to `wanted`: nothing waits for them."""
        left = self.most - len(self.lists)
        if left < wanted:
            self.shrink(cpu, max(wanted - left, self._batch))
            left = self.most - len(self.lists)
        return max(0, min(left, wanted))

    @property
    def _batch(self) -> int:
        """Pages evicted together; fewer of a small quota."""
        return min(BATCH, max(1, self.most // 8))

    def shrink(self, cpu: Cpu, wanted: int, *, background: bool = False) -> int:
        """Evict `wanted` pages, or as many as can be; their number. `background`: by kswapd."""
        freed = 0
        if self.frames.free_frames < self.reserve + wanted:
            freed = self.lazy.free(cpu, wanted)
        freed += self._scan(cpu, background=background).shrink(wanted - freed)
        self._tlbs.flush_stale(cpu, ends=False)
        return freed

    def _scan(self, cpu: Cpu, *, background: bool = False) -> Scan:
        return Scan(cpu, self.frames, self.lists, self.writeback, self.counters, background=background)

    def make_free(self) -> bool:
        """The allocator has no frame left: evict pages; whether there is a frame now."""
        cpu = self._cores.running
        while not self.frames.has_returned:
            if self.shrink(cpu, self._batch):
                continue
            if self.writeback.is_asked:
                self.writeback.run_now(cpu)
            request = self.disk.earliest
            if request is None:
                return False
            self.disk.wait(cpu, request)
        return True

    # -- pages --------------------------------------------------------------------------------------------------

    def add(self, file: DiskPages, offset: int) -> CachedPage:
        """A new page of `file` with a frame, for which there is room. Raises OutOfGuestMemory."""
        page = CachedPage(file, offset, self.frames.take())
        self.lists.put(page, Where.INACTIVE)
        self._look_back(page)
        self.writeback.dirtyable = self.most
        self.kswapd.look(self._cores.running)
        return page

    def add_all(self, file: DiskPages, offset: int, count: int) -> list[CachedPage]:
        """`add` of `count` pages side by side, which do not wake kswapd; their frames hold old bytes yet."""
        frames = self.frames.take_uncleared_all(count)
        pages = [CachedPage(file, offset + PAGE_SIZE * at, frame) for at, frame in enumerate(frames)]
        self.lists.put_new(pages)
        if self.lists.has_shadows:
            for page in pages:
                self._look_back(page)
        self.writeback.dirtyable = self.most
        return pages

    def _look_back(self, page: CachedPage) -> None:
        """`page` has come: if it was evicted not long ago, it is active at once."""
        remembered, near = self.lists.refault(page)
        if remembered:
            self.counters.workingset_refault_file += 1
        if near:
            self.lists.activate(page)
            self.counters.workingset_activate_file += 1
            self.counters.workingset_restore_file += page.workingset

    def read(self, cpu: Cpu, pages: list[CachedPage]) -> None:
        """Let the disk read `pages`, new ones that lie side by side."""
        self.counters.pgpgin += 4 * len(pages)
        self.disk.submit(cpu, pages, write=False)

    def touched(self, page: CachedPage) -> None:
        """A call has used `page`: the second use in a row makes it active (folio_mark_accessed)."""
        if not page.referenced:
            page.referenced = True
        elif page.where is Where.INACTIVE:
            self.lists.activate(page)
            self.counters.pgactivate += 1

    def touched_all(self, pages: list[CachedPage]) -> None:
        """A call has used `pages`, one after the other, and no thread waits for them any more."""
        for page in pages:
            page.awaited = False
            if page.referenced:
                self.touched(page)
            else:
                page.referenced = True

    def remove(self, page: CachedPage) -> None:
        """The page has left the cache, and every mapping."""
        self.lists.take_out(page)
        self.writeback.dropped(page)

    def drop_unused(self, cpu: Cpu, file: DiskPages, start: int, end: int) -> int:
        """Drop the clean pages of [start, end) of `file` that nothing uses; their number (invalidate_mapping_pages)."""
        scan = self._scan(cpu)
        return sum(scan.drop_unused(page) for page in _pages_of(file, start, end))

    def drop_all_unused(self, cpu: Cpu) -> None:
        """Drop the clean pages of all files that nothing uses (vm.drop_caches)."""
        scan = self._scan(cpu)
        pages = [*self.lists.inactive.values(), *self.lists.active.values()]
        self.counters.drop_pagecache += 1
        for page in pages:
            scan.drop_unused(page)

    def make_cold(self, cpu: Cpu, mm: Mm, file: DiskPages, start: int, end: int, *, evict: bool) -> None:
        """MADV_COLD: the pages of [start, end) that `mm` alone has mapped become inactive, their use forgotten.

        `evict`: MADV_PAGEOUT: those that are clean are evicted then, the others written.
        """
        scan = self._scan(cpu)
        pages = scan.make_cold(mm, _pages_of(file, start, end))
        if evict:
            scan.page_out(pages)

    def completed(self, cpu: Cpu, request: DiskRequest) -> None:
        """The disk has read or written the pages of `request`."""
        for page in reversed(request.pages):  # the first is to be evicted first
            if page.reading is request:
                page.reading = None
            if page.writing is request:
                page.writing = None
                if page.reclaim and not page.dirty and page.where is Where.INACTIVE:
                    self.lists.put_first(page)
                    self.counters.pgrotated += 1
                page.reclaim = False
        if request.write:
            self.writeback.written(cpu, len(request.pages))


def _pages_of(file: DiskPages, start: int, end: int) -> list[CachedPage]:
    """The cached pages of [start, end)."""
    if end - start <= len(file.pages) * PAGE_SIZE:
        found = (file.pages.get(offset) for offset in range(page_of(start), end, PAGE_SIZE))
        return [page for page in found if page is not None]
    return [page for page in list(file.pages.values()) if start <= page.offset < end]
