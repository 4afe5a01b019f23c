"""The frames of a core's translated code, so that every store to it is noticed, and nothing is fetched unsearched.

Ram.frames has a word for each frame (hw.fill), which all cores share and the fill hook reads: translated, searched,
stored to, and its home, the one page of one core through which Unicorn notices stores to code. A store to code away
from home (JITs map code twice) is refused once; every core forgets the code, and the instruction runs alone. A fetch
from a frame that was stored to is refused until TLBs grant no such store, and the frame has been searched for
untranslatable encodings. Where it has some, each core guards each page in which it fetches from the frame.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Final, Protocol

from pffemu.arch.paging import PAGE_SHIFT, PAGE_SIZE, page_of
from pffemu.hw.fill import (
    BEHIND,
    CODE,
    MIXED,
    NO_FRAME,
    PASSING,
    SEARCHED,
    STORED_AT_HOME,
    STORED_TO,
    TRANSLATED,
    UNCLEAN,
    with_home,
)
from pffemu.hw.mmu import FETCH, USER, Mmu
from pffemu.hw.trap import Trap
from pffemu.hw.untranslatable import goes_on, untranslatable

_KNOWN: Final = 1 << 10  # noted pages that native code knows; the others it asks about
KNOWN_WORDS: Final = 2 * _KNOWN


class Engine(Protocol):
    def forget_page(self, page: int) -> None: ...
    def flush_code(self) -> None: ...
    def flush_tlb(self) -> None: ...


class Core(Protocol):
    @property
    def mmu(self) -> Mmu: ...
    @property
    def engine(self) -> Engine: ...


def known_slot(number: int) -> int:
    """Index of the two words for the page with this number, in a table of noted pages: the number, CR3."""
    return 2 * (number & (_KNOWN - 1))


class TranslatedFrames:
    """The frames whose code one core has translated."""

    def __init__(self, mmu: Mmu) -> None:
        self._mmu = mmu
        self._bits = mmu.ram.frames
        self._noted: set[tuple[int, int]] = set()  # (root of the page tables, page)
        self._pages: dict[int, set[tuple[int, int]]] = {}  # by frame number
        self._known = (ctypes.c_int64 * KNOWN_WORDS)()
        self.known_address = ctypes.addressof(self._known)
        self._passing: set[int] = set()  # frames that the instruction which runs alone stores to

    def note(self, address: int, size: int) -> None:
        """Note translated code."""
        root = self._mmu.fill.root
        for page in {page_of(address), page_of(address + max(size, 1) - 1)}:
            if (root, page) not in self._noted:
                self._note_page(root, page)
            if (root, page) in self._noted:
                slot = known_slot(page >> PAGE_SHIFT)
                self._known[slot], self._known[slot + 1] = page >> PAGE_SHIFT, root

    def _note_page(self, root: int, page: int) -> None:
        frame = self.frame_of(page, USER | FETCH)
        if frame is None or frame in self._passing:
            return
        self._noted.add((root, page))
        self._pages.setdefault(frame, set()).add((root, page))
        self._bits[frame] |= TRANSLATED

    def frame_of(self, page: int, access: int) -> int | None:
        """The number of the frame behind a page."""
        frame = self._mmu.translate(page, access, update=False)
        return None if isinstance(frame, Trap) else frame // PAGE_SIZE

    def changes(self, frame: int) -> None:
        """The next instruction is about to store to `frame`: every core forgets its code.

        The instruction runs alone then; what is translated of it is not noted until `changed`.
        """
        self._passing.add(frame)
        self._mmu.ram.forget_code(frame)
        self._bits[frame] = PASSING

    def changed(self) -> None:
        """The instruction has run, and the engine forgets it."""
        for frame in self._passing:
            self._bits[frame] |= CODE  # TLBs grant stores to it, and may grant fetches
            self._mmu.ram.forget_code(frame)
        self._passing.clear()

    def search(self, page: int, engine: Engine, cores: Iterable[Core]) -> None:
        """Prepare the frame of `page` for the fetch that was refused. `cores`: the machine's; `engine`: this core's."""
        frame, fill = self.frame_of(page, USER | FETCH), self._mmu.fill
        if frame is None:
            return
        bits = with_home(self._bits[frame], page, fill.core)
        is_stored_to = bits & STORED_TO or (bits & MIXED and bits & STORED_AT_HOME)
        is_new = not bits & SEARCHED
        for core in cores:
            if is_stored_to or (is_new and core.mmu.fill.guards_depend_on(frame * PAGE_SIZE)):
                core.engine.flush_tlb()
        if is_stored_to:
            bits &= ~(STORED_TO | STORED_AT_HOME)
        code = bytes(self._octets_of(frame))
        if is_new:
            bits = bits & ~(UNCLEAN | BEHIND) | SEARCHED | (UNCLEAN if goes_on(code) or untranslatable(code) else 0)
        self._bits[frame] = bits
        if bits & UNCLEAN:
            if fill.guards_are_full:
                engine.flush_tlb()
            behind = self.frame_of(page + PAGE_SIZE, USER | FETCH) if goes_on(code) else None
            offsets = untranslatable(code, None if behind is None else bytes(self._octets_of(behind)))
            exits = {page + offset for offset in offsets}
            if behind is not None:
                self._bits[behind] |= BEHIND
            fill.guard(page, frame * PAGE_SIZE, NO_FRAME if behind is None else behind * PAGE_SIZE, exits)

    def _octets_of(self, frame: int) -> memoryview:
        return self._mmu.ram.octets[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE]

    def forget(self, frame: int, engine: Engine) -> None:
        """Forget this core's translated code of `frame`; its TLB grants neither fetches from it nor stores to it."""
        pages = self._pages.pop(frame, set())
        self._noted -= pages
        self._forget_known()
        if any(root != self._mmu.fill.root for root, _ in pages):
            engine.flush_code()
            return
        for _, page in sorted(pages):
            engine.forget_page(page)
        engine.flush_tlb()

    def forget_all(self) -> None:
        """Note that all translated code was forgotten; the bits stay set, at the cost of one refused store each."""
        self._noted.clear()
        self._pages.clear()
        self._forget_known()

    def _forget_known(self) -> None:
        ctypes.memset(self.known_address, 0, ctypes.sizeof(self._known))
