"""The TLB's miss handler: Unicorn's fill hook walks the guest's page tables, compiled where numba is installed.

The hook is pure (U9: it is called per miss, and speculatively): it grants or refuses, and leaves the last refusal in
flat state for the machine's loop. Only the engine's own page bypasses the page tables.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Collection
from typing import Any, Final

from pffemu.arch.paging import page_of
from pffemu.arch.registers import MASK64
from pffemu.engine.native_code import hooks
from pffemu.hw.fill import (
    CORE,
    FILLS_LEFT,
    FRAMES_ADDRESS,
    GUARDED,
    GUARDED_MAX,
    GUARDED_PAGE,
    GUARDED_WORDS,
    RAM_ADDRESS,
    RAM_WORDS,
    ROOT,
    WATCHED,
    WATCHED_MAX,
    WATCHED_PAGE,
    WORDS,
    fill,
)
from pffemu.hw.ram import Ram

HOOKS: Final = "pffemu.hw.tlb_fill_compiled"


class _TlbEntry(ctypes.Structure):
    _fields_ = (("paddr", ctypes.c_uint64), ("perms", ctypes.c_uint32))


_PYTHON_HOOK: Final = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(_TlbEntry), ctypes.c_void_p
)


class TlbFill:
    """The fill hook of one core and its flat state, which has the last refusal, too (engine.refusals).

    `exits`: addresses in guarded pages where the engine translates nothing; `exits_before`: others in the pages before.
    """

    def __init__(self, ram: Ram, compiled: bool, core: int = 0) -> None:
        self.ram_words, self.frames = ram.words, ram.frames
        self._buffer = (ctypes.c_int64 * WORDS)()
        self.state = memoryview(self._buffer).cast("B").cast("q")
        self.state[RAM_ADDRESS] = ram.host_address
        self.state[RAM_WORDS] = ram.size >> 3
        self.state[FRAMES_ADDRESS] = ram.frames_address
        self.state[CORE] = core
        self.exits: frozenset[int] = frozenset()
        self.exits_before: frozenset[int] = frozenset()
        self.allow(sys.maxsize)
        self.user_data = ctypes.addressof(self._buffer)
        self._callback = _PYTHON_HOOK(self._python_hook)
        self.callback_address = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        if compiled:
            self.compile()

    def compile(self) -> None:
        """Compile the hook: from now on `callback_address` is that of native code."""
        self.callback_address = hooks(HOOKS)["HOOK"]

    @property
    def root(self) -> int:
        """Physical address of the PML4 (CR3)."""
        return self.state[ROOT]

    @root.setter
    def root(self, address: int) -> None:
        self.state[ROOT] = address

    def watch(self, pages: tuple[int, ...]) -> None:
        """Refuse every load and store in these pages (at most WATCHED_MAX), even if the walk grants it."""
        for i, page in enumerate(pages[:WATCHED_MAX]):
            self.state[WATCHED_PAGE + i] = page - (1 << 64) if page >> 63 else page
        self.state[WATCHED] = min(len(pages), WATCHED_MAX)

    @property
    def watched_pages(self) -> tuple[int, ...]:
        mask = MASK64
        return tuple(self.state[WATCHED_PAGE + i] & mask for i in range(self.state[WATCHED]))

    @property
    def core(self) -> int:
        """The core's index."""
        return self.state[CORE]

    def guard(self, page: int, frame: int, behind: int, exits: Collection[int]) -> None:
        """Allow fetches of an UNCLEAN frame in `page`; the engine translates nothing at `exits`, of which some may lie
        in the page before. `behind`: the frame in the next page on which they depend, or NO_FRAME. At most GUARDED_MAX.
        """
        place = GUARDED_PAGE + GUARDED_WORDS * self.state[GUARDED]
        self.state[place], self.state[place + 1], self.state[place + 2] = page, frame, behind
        self.state[GUARDED] += 1
        self.exits |= {address for address in exits if address >= page}
        self.exits_before |= {address for address in exits if address < page}

    def guards_depend_on(self, frame: int) -> bool:
        """Whether a guarded page has `frame`, or has it behind it."""
        places = range(GUARDED_PAGE, GUARDED_PAGE + GUARDED_WORDS * self.state[GUARDED], GUARDED_WORDS)
        return any(frame in (self.state[i + 1], self.state[i + 2]) for i in places)

    @property
    def guards_are_full(self) -> bool:
        return self.state[GUARDED] == GUARDED_MAX

    def forget_guards(self) -> None:
        """The TLB is flushed: no page is guarded any more."""
        if self.state[GUARDED]:
            self.state[GUARDED] = 0
            self.exits = self.exits_before = frozenset()

    def allow(self, fills: int) -> None:
        """Grant this many fills from now on."""
        self.state[FILLS_LEFT] = fills

    def _python_hook(self, _uc: object, address: int, kind: int, entry: Any, _user: object) -> bool:
        granted = fill(self.ram_words, self.frames, self.state, address, kind)
        if granted == 0:
            return False
        entry.contents.paddr = page_of(granted)
        entry.contents.perms = granted & 7
        return True
