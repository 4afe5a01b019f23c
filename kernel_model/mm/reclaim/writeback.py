"""Writeback of dirty pages (mm/page-writeback.c, fs/fs-writeback.c): thresholds, and the flusher thread.

The flusher runs when more pages are dirty than the background threshold, when reclaim meets dirty pages, and
periodically for pages that have been dirty for long. It runs on an idle core, or on that of the thread that woke it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.reclaim import rmap
from kernel_model.mm.reclaim.kernel_thread import KernelThread
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.fields import Hex
from pffemu.events.page_cache import PageDirtied

if TYPE_CHECKING:
    from kernel_model.mm.disk import Disk
    from kernel_model.mm.disk_pages import DiskPages
    from kernel_model.mm.reclaim.counters import CacheCounters
    from kernel_model.mm.reclaim.kernel_thread import Cores, Tlbs
    from kernel_model.mm.reclaim.page import CachedPage
    from pffemu.hw.cpu import Cpu


class Setting(NamedTuple):
    """A sysctl, and its value until it is written."""

    name: str
    value: int


BACKGROUND: Final = Setting("vm.dirty_background_ratio", 10)  # percent of the memory that can be dirty
LIMIT: Final = Setting("vm.dirty_ratio", 20)
PERIOD: Final = Setting("vm.dirty_writeback_centisecs", 500)  # between two periodic runs; 0: there are none
EXPIRED: Final = Setting("vm.dirty_expire_centisecs", 3000)  # after which a page is written in any case
_MOST: Final = 256  # pages of a request
_SELDOM: Final = 32  # pages that become dirty until thresholds are looked at


class Writeback(KernelThread):
    """The dirty pages, and the flusher thread that writes them."""

    def __init__(self, disk: Disk, cores: Cores, tlbs: Tlbs, counters: CacheCounters) -> None:
        super().__init__(cores, tlbs)
        self._disk, self._counters = disk, counters
        self.dirty: OrderedDict[int, CachedPage] = OrderedDict()  # by frame, longest dirty first
        self.writing = 0  # pages
        self.queue = WaitQueue("writeback")  # threads that wait for any page to become clean
        self.dirtyable = 0  # pages that thresholds are a share of
        self._asked: OrderedDict[int, CachedPage] = OrderedDict()  # pages that reclaim wants clean
        self._dirtied = 0  # pages that have become dirty since it last ran
        self.settings: dict[str, str] = {}  # what was written to sysctls, by name

    # -- dirty pages --------------------------------------------------------------------------------------------

    def set_dirty(self, cpu: Cpu, page: CachedPage) -> None:
        """A store to the clean `page` is about to be let through."""
        if page.dirty:
            return
        page.dirty_since = cpu.clock
        self.note(page)
        self._counters.nr_dirtied += 1
        self._dirtied += 1
        cpu.emit(PageDirtied, page.file.serial, Hex(page.offset))
        if len(self.dirty) > self._background and self._dirtied >= min(_SELDOM, self.dirtyable // 8):
            self.wake(cpu)
        elif self not in self._cores.timers.armed:
            self._arm_period(cpu)

    def note(self, page: CachedPage) -> None:
        """Count `page` as dirty; nothing else happens."""
        page.dirty = True
        self.dirty[page.frame] = page.file.dirty[page.offset] = page

    @property
    def is_over_limit(self) -> bool:
        """Whether a thread that makes pages dirty must wait (balance_dirty_pages)."""
        return len(self.dirty) + self.writing > max(self._share(LIMIT), _SELDOM)

    @property
    def thresholds(self) -> tuple[int, int]:
        """Dirty pages above which the flusher runs, and above which a thread that makes more of them waits."""
        return self._background, self._share(LIMIT)

    @property
    def _background(self) -> int:
        """The lower threshold. It is below the other one, else threads would wait for a flusher that has no reason to
        run (domain_dirty_limits)."""
        background, limit = self._share(BACKGROUND), self._share(LIMIT)
        return background if background < limit else limit // 2

    def _share(self, setting: Setting) -> int:
        """Pages that a percentage among the settings stands for."""
        return self.dirtyable * self._value(setting) // 100

    def _value(self, setting: Setting) -> int:
        return int(self.settings.get(setting.name, setting.value))

    def throttled(self, cpu: Cpu) -> Blocked:
        """What lets a thread that makes pages dirty wait for some that have been written."""
        self.wake(cpu)
        return Blocked(self.queue, why="too many pages are dirty", sleep=Interruptible.NO, again=True)

    def forget(self, page: CachedPage) -> None:
        """The page does not count as dirty any more."""
        self.dirty.pop(page.frame, None)
        page.file.dirty.pop(page.offset, None)
        self._asked.pop(page.frame, None)
        page.dirty = False

    def dropped(self, page: CachedPage) -> None:
        """The page has left the cache: no thread waits any more for it to be written."""
        was_dirty = page.dirty
        self.forget(page)
        if was_dirty:
            self._cores.wake_all(self._cores.running, self.queue)

    # -- writing ------------------------------------------------------------------------------------------------

    def start(self, cpu: Cpu, pages: list[CachedPage]) -> None:
        """Write `pages`, those that are dirty and not being written, in requests of neighbours."""
        run: list[CachedPage] = []
        mappings: dict[int, rmap.Mappings] = {}
        for page in sorted(pages, key=lambda page: (page.file.serial, page.offset)):
            if not page.dirty or page.writing is not None:
                continue
            if run and (
                page.file is not run[-1].file or page.offset != run[-1].offset + PAGE_SIZE or len(run) == _MOST
            ):
                self._submit(cpu, run)
                run = []
            if page.file.serial not in mappings:
                mappings[page.file.serial] = page.file.mappings()
            self._clean(cpu, page, mappings[page.file.serial])
            run.append(page)
        if run:
            self._submit(cpu, run)

    def _submit(self, cpu: Cpu, run: list[CachedPage]) -> None:
        self.writing += len(run)
        self._counters.pgpgout += 4 * len(run)
        self._disk.submit(cpu, run, write=True)

    def _clean(self, cpu: Cpu, page: CachedPage, mappings: rmap.Mappings) -> None:
        """Store the page's bytes; the next store to it is noticed again (clear_page_dirty_for_io)."""
        cpu.charge("kernel.writeback.page")
        entries = rmap.write_protect(page, mappings)
        if entries:
            cpu.charge("kernel.rmap.entry", entries)
        self.forget(page)
        try:
            page.file.store_page(page)
        except LinuxError as error:
            page.file.error = Errno(error.errno)

    def written(self, cpu: Cpu, pages: int) -> None:
        """A request has completed."""
        self.writing -= pages
        self._counters.nr_written += pages
        self._cores.wake_all(cpu, self.queue)

    # -- the flusher --------------------------------------------------------------------------------------------

    def ask(self, cpu: Cpu, pages: list[CachedPage]) -> None:
        """Let the flusher write these pages soon: reclaim has met them."""
        for page in pages:
            self._asked[page.frame] = page
        self.wake(cpu)

    @property
    def is_asked(self) -> bool:
        """Whether reclaim waits for the flusher's next turn."""
        return bool(self._asked)

    def run_now(self, cpu: Cpu) -> None:
        """Start to write what reclaim wants, by the thread that cannot wait for the flusher."""
        pages = list(self._asked.values())
        self._asked.clear()
        self.start(cpu, pages)

    def _arm_period(self, cpu: Cpu) -> None:
        period = self._value(PERIOD)
        if period:
            core = self._cores.core_for_work(cpu)
            self._cores.timers.arm(core, self, cpu.clock + period * cpu.profile.frequency // 100)

    def work(self, cpu: Cpu) -> None:
        self._dirtied = 0
        self.start(cpu, self._chosen(cpu))
        if self.dirty:
            self._arm_period(cpu)

    def _chosen(self, cpu: Cpu) -> list[CachedPage]:
        """The pages to write: those that reclaim wants, the expired ones, and all above the background threshold."""
        chosen = OrderedDict(self._asked)
        self._asked.clear()
        before = cpu.clock - self._value(EXPIRED) * cpu.profile.frequency // 100
        above = len(self.dirty) - self._background
        for frame, page in self.dirty.items():
            if page.dirty_since > before and above <= 0:
                break
            chosen[frame] = page
            above -= 1
        return list(chosen.values())

    # -- what is asked for --------------------------------------------------------------------------------------

    def dirty_of(self, file: DiskPages | None, start: int, end: int) -> list[CachedPage]:
        """The dirty pages of [start, end) of `file`; None: of all files."""
        if file is None:
            return list(self.dirty.values())
        return [page for page in file.dirty.values() if start <= page.offset < end]
