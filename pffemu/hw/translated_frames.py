"""The frames of a core's translated code, so that stores through other mappings are noticed (JITs map code twice).

Ram.frames has a word for each frame, which all cores share and the fill hook reads: translated, stored to, and in which
executable page. A store to a translated frame through another page is refused once; the code is forgotten on every
core, its word cleared, and the instruction run alone. If code is translated from a frame for which a TLB may still
grant stores, the TLBs are flushed first.
"""

from __future__ import annotations

import ctypes
from typing import Final, Protocol

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.paging import PAGE_SHIFT, PAGE_SIZE, page_of
from pffemu.hw.fill import MIXED, SEARCHED, STORED_TO, TRANSLATED, with_home
from pffemu.hw.mmu import FETCH, USER, Mmu
from pffemu.hw.trap import Trap
from pffemu.hw.untranslatable import untranslatable

_KNOWN: Final = 1 << 10  # noted pages that native code knows; the others it asks about
KNOWN_WORDS: Final = 2 * _KNOWN


class Engine(Protocol):
    def forget_page(self, page: int) -> None: ...
    def flush_code(self) -> None: ...


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

    def note(self, address: int, size: int) -> bool:
        """Note translated code; True when a TLB may grant stores to its frame unnoticed."""
        root, found = self._mmu.fill.root, False
        for page in {page_of(address), page_of(address + max(size, 1) - 1)}:
            if (root, page) not in self._noted:
                found |= self._note_page(root, page)
            if (root, page) in self._noted:
                slot = known_slot(page >> PAGE_SHIFT)
                self._known[slot], self._known[slot + 1] = page >> PAGE_SHIFT, root
        return found

    def _note_page(self, root: int, page: int) -> bool:
        frame = self._mmu.translate(page, USER | FETCH, update=False)
        if isinstance(frame, Trap) or frame // PAGE_SIZE in self._passing:
            return False
        number = frame // PAGE_SIZE
        self._noted.add((root, page))
        self._pages.setdefault(number, set()).add((root, page))
        before = self._bits[number]
        self._bits[number] = bits = with_home(before, page) | TRANSLATED
        return bool((bits & ~before) & MIXED or (before & STORED_TO and not before & TRANSLATED))

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

    def changed(self) -> None:
        """The instruction has run, and the engine forgets it."""
        self._passing.clear()

    def search(self, page: int) -> set[int]:
        """Addresses in this page, before it is first fetched, where untranslatable instructions may begin."""
        frame = self.frame_of(page, USER | FETCH)
        if frame is not None:
            self._bits[frame] |= SEARCHED
        code = self._mmu.code_at(page, PAGE_SIZE + MAX_INSTRUCTION)
        offsets = untranslatable(
            self._mmu.code_at(page - MAX_INSTRUCTION, MAX_INSTRUCTION), code[:PAGE_SIZE], code[PAGE_SIZE:]
        )
        return {page + offset for offset in offsets}

    def forget(self, frame: int, engine: Engine) -> None:
        """Forget this core's translated code of `frame`."""
        pages = self._pages.pop(frame, set())
        self._noted -= pages
        self._forget_known()
        if any(root != self._mmu.fill.root for root, _ in pages):
            engine.flush_code()
            return
        for _, page in sorted(pages):
            engine.forget_page(page)

    def forget_all(self) -> None:
        """Note that all translated code was forgotten; the bits stay set, at the cost of one refused store each."""
        self._noted.clear()
        self._pages.clear()
        self._forget_known()

    def _forget_known(self) -> None:
        ctypes.memset(self.known_address, 0, ctypes.sizeof(self._known))
