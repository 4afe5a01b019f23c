"""The TLB's miss handler: Unicorn's fill hook walks the guest's page tables, compiled where numba is installed.

The hook is pure (U9: it is called per miss, and speculatively): it grants or refuses, and leaves the last refusal in
flat state for the machine's loop. Only the engine's own page bypasses the page tables.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final

from pffemu.arch.paging import page_of
from pffemu.arch.registers import MASK64
from pffemu.engine.native_code import hooks
from pffemu.hw.fill import (
    FILLS_LEFT,
    FRAMES_ADDRESS,
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
    """The fill hook of one core and its flat state, which has the last refusal, too (engine.refusals)."""

    def __init__(self, ram: Ram, compiled: bool) -> None:
        self.ram_words, self.frames = ram.words, ram.frames
        self._buffer = (ctypes.c_int64 * WORDS)()
        self.state = memoryview(self._buffer).cast("B").cast("q")
        self.state[RAM_ADDRESS] = ram.host_address
        self.state[RAM_WORDS] = ram.size >> 3
        self.state[FRAMES_ADDRESS] = ram.frames_address
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
