"""The machine's caches and TLBs, and each core's share of them with its hook for loads and stores."""

from __future__ import annotations

import ctypes
import mmap
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pffemu.engine.block_counter import BlockCounter
from pffemu.engine.count_block import EXECUTED, PREDICTIONS, REF_INSTRUCTIONS, REF_TIME, STALL, TIME
from pffemu.engine.count_block import STALLED as TAKEN_OVER
from pffemu.engine.native_code import hooks
from pffemu.hw.fill import ROOT
from pffemu.hw.memory.access import access, hits
from pffemu.hw.memory.fetch import bring
from pffemu.hw.memory.layout import (
    CAUSES,
    CORE_WORDS,
    COUNT_NAMES,
    COUNTS,
    FIRST_CORE,
    KERNEL_LINES,
    L3,
    LINE_SHIFT,
    LINES,
    PREDICTOR,
    STALLED,
    Bound,
    words_of,
)
from pffemu.hw.memory.overlap import settle_misses
from pffemu.hw.memory.replay import SLOW_STEP_AT, add_plan, forget_pages, planned
from pffemu.hw.memory.replay import WORDS as REPLAY_WORDS
from pffemu.hw.ram import Ram
from pffemu.timing import SHIFT, AccountingError
from pffemu.timing.hierarchy import Hierarchy

# words of a core's link, from which the compiled hook finds everything
HIERARCHY, HIERARCHY_WORDS, CORE, COUNTER, RAM, RAM_WORDS, FILL, SLOWLY, OWN = range(9)
LINK_WORDS: Final = 9

HOOKS: Final = "pffemu.hw.memory.caches_compiled"
REPLAY_HOOKS: Final = "pffemu.hw.memory.replay_compiled"
_STORE: Final = 17  # UC_MEM_WRITE
_HOOK: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
)
_BRING: Final = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)


class Caches:
    """The hierarchy of all cores: flat words (layout)."""

    def __init__(self, hierarchy: Hierarchy, bound: Bound, cores: int, ram: int) -> None:
        header, count = words_of(hierarchy, bound, cores, ram)
        block = mmap.mmap(-1, 8 * count)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                block.madvise(mmap.MADV_HUGEPAGE)
        self._words = (ctypes.c_int64 * count).from_buffer(block)
        self.address, self.count = ctypes.addressof(self._words), count
        self.words = memoryview(self._words).cast("B").cast("q")
        for place, value in enumerate(header):
            self.words[place] = value


class CoreCaches:
    """The share of core `index`: a C callback for Unicorn's memory hooks, and its user data."""

    def __init__(
        self,
        caches: Caches,
        index: int,
        ram: Ram,
        fill: tuple[memoryview, int],
        compiled: bool,
        code_at: Callable[[int, int], bytes],
    ) -> None:
        """`fill`: state of the core's fill hook, and its address; `code_at(address, size)`: guest code."""
        self._code_at = code_at
        self._plans: dict[tuple[int, bytes], int] = {}
        self._registers: tuple[int, tuple[int, ...]] | None = None
        self._replay: Any = None
        self._caches, self._index, self._words, self._ram = caches, index, caches.words, ram
        self._core = caches.words[FIRST_CORE] + index * caches.words[CORE_WORDS]
        self._fill, self._fill_address = fill
        self._counter = memoryview(b"")
        self._link = (ctypes.c_int64 * LINK_WORDS)()
        self.user_data = ctypes.addressof(self._link)
        self._callback = _HOOK(self._plain_hook)
        self.callback_address = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        self._compiled = compiled
        self._compiled_bring: Any = None

    def attach(self, counter: BlockCounter) -> None:
        """Stalls go to this block counter, which predicts branches."""
        self._counter, address = counter.state, counter.user_data
        table = self._core + self._words[PREDICTOR]
        counter.predict_with(self._words[table : table + PREDICTIONS], self._caches.address + 8 * table)
        link, caches = self._link, self._caches
        link[HIERARCHY], link[HIERARCHY_WORDS], link[CORE] = caches.address, caches.count, self._core
        link[COUNTER], link[RAM], link[RAM_WORDS] = address, self._ram.host_address, self._ram.size >> 3
        link[FILL] = self._fill_address
        if self._compiled:
            found = hooks(HOOKS)
            link[SLOWLY] = found["SLOW_HOOK"]
            self.callback_address = found["HOOK"]
            self._compiled_bring = _BRING(found["BRING"])

    # -- planned blocks (engine.planned_blocks) --------------------------------------------------------------------

    def replay_from(self, registers: int, segments: tuple[int, ...]) -> int:
        if not self._compiled:
            return 0
        self._registers = registers, segments
        self._replay = (ctypes.c_int64 * REPLAY_WORDS)()
        found = hooks(REPLAY_HOOKS)
        self._replay[SLOW_STEP_AT] = found["SLOW_STEP"]
        self._link[OWN] = ctypes.addressof(self._replay)
        self.forget_translations()
        return found["REPLAY"]

    def plan(self, address: int, size: int) -> int:
        code = self._code_at(address, size)
        if self._registers is None or len(code) != size:
            return 0
        key = address, code
        if key not in self._plans:
            from pffemu.asm.block_accesses import accesses_of  # it brings capstone, which takes long to load

            steps = accesses_of(code, address)
            self._plans[key] = 0
            if steps is not None:
                self._plans[key] = add_plan(self._replay, planned(steps, self._link[OWN], *self._registers))
        return self._plans[key]

    def forget_translations(self) -> None:
        if self._replay is not None:
            forget_pages(self._replay, self._fill[ROOT])

    def _plain_hook(self, _uc: object, kind: int, address: int, size: int, _value: int, _user: object) -> None:
        words, core, store = self._words, self._core, kind == _STORE
        line = address >> words[LINE_SHIFT]
        if line >= words[LINES]:
            return
        if not hits(words, core, line, store):
            access(words, core, self._counter, self._ram.words, self._fill[ROOT], line, store)
        last = (address + size - 1) >> words[LINE_SHIFT]
        if last != line and (address + size - 1) >> 12 == address >> 12 and not hits(words, core, last, store):
            access(words, core, self._counter, self._ram.words, self._fill[ROOT], last, store)

    def leave_ring3(self) -> None:
        """The core stops for the kernel or an instruction of our own: it waits for its loads, and time has passed."""
        counter = self._counter
        settle_misses(self._words, self._core, counter, counter[TIME] + counter[STALL])
        counter[TIME] += counter[STALL]
        counter[TAKEN_OVER] += counter[STALL]
        counter[STALL] = 0
        counter[REF_INSTRUCTIONS], counter[REF_TIME] = counter[EXECUTED], counter[TIME]

    def kernel_touches(self, frames: list[int]) -> None:
        """The kernel ran: its own lines, and whole frames that it has filled, or read (physical address | 1)."""
        words = self._words
        self._bring(words[LINES] - (self._index + 1) * words[KERNEL_LINES], words[KERNEL_LINES], True)
        for frame in frames:
            self._bring(frame >> words[LINE_SHIFT], 4096 >> words[LINE_SHIFT], frame & 1 == 0)

    def _bring(self, line: int, count: int, store: bool) -> None:
        if self._compiled:
            self._compiled_bring(self.user_data, line, count, store)
        else:
            bring(self._words, self._core, line, count, store)

    @property
    def stalls(self) -> dict[str, int]:
        """Cycles by cause, so far."""
        return {cause: self._words[self._core + STALLED + i] for i, cause in enumerate(CAUSES)}

    @property
    def stalled(self) -> int:
        """Cycles of all causes, so far."""
        return sum(self._words[self._core + STALLED : self._core + STALLED + len(CAUSES)])

    def check_accounts(self, core: int) -> None:
        """Raises AccountingError unless the stalls by cause are those that core `core`'s clock has taken over."""
        passed = self._counter[TAKEN_OVER] + self._counter[STALL]
        if self.stalled << SHIFT != passed:
            raise AccountingError(
                f"{self.stalled:,} cycles were waited for memory, but {passed / (1 << SHIFT):,.3f} passed",
                where=f"core {core}",
                remedy="report this: a stall was booked past the ledger",
            )

    def counts(self) -> dict[str, int]:
        """What has missed so far."""
        return {name: self._words[self._core + COUNTS + i] for i, name in enumerate(COUNT_NAMES)}

    # -- snapshots ----------------------------------------------------------------------------------------------

    @property
    def _span(self) -> tuple[int, int]:
        """First and last byte of what a snapshot has to hold; the first core also holds the third level."""
        start = L3 if self._index == 0 else self._core
        return 8 * start, 8 * (self._core + self._words[CORE_WORDS])

    def saved(self) -> tuple[bytes, tuple[int, ...]]:
        """The words, compressed, and the frames that the kernel has touched since it last told."""
        start, end = self._span
        touched = self._ram.touched if self._index == 0 else None
        return zlib.compress(memoryview(self._words).cast("B")[start:end], 1), tuple(touched or ())

    def restore(self, saved: tuple[bytes, tuple[int, ...]]) -> None:
        start, end = self._span
        memoryview(self._words).cast("B")[start:end] = zlib.decompress(saved[0])
        if self._index == 0:
            self._ram.touched = list(saved[1])
