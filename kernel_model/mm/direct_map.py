"""The kernel's direct map of physical memory: all of RAM at DIRECT_MAP, for supervisor accesses only (x86_64/mm.rst).

UPIDs and UITTs have their linear addresses here: SENDUIPI and notification processing reach them with supervisor
accesses whichever thread runs, and an access from ring 3 is SIGSEGV as on Linux. One set of tables serves every address
space; they map exactly the RAM, never a device behind it, with the largest pages that fit.
"""

from __future__ import annotations

from typing import Final

from kernel_model.mm.frames import FrameAllocator
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D, PTE_NX, PTE_P, PTE_PS, PTE_W
from pffemu.hw.ram import Ram

DIRECT_MAP: Final = 0xFFFF_8880_0000_0000  # page_offset_base without KASLR

_TABLE: Final = PTE_P | PTE_W | PTE_A
_LEAF: Final = PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX
_ROOT_LEVEL: Final = 3
_LARGEST_LEVEL: Final = 2  # 1 GiB pages


class DirectMap:
    """Tables for all of `ram`, made once. Raises OutOfGuestMemory when they do not fit in it."""

    def __init__(self, ram: Ram, frames: FrameAllocator) -> None:
        self._words, self._frames = ram.words, frames
        self._top: dict[int, int] = {}  # index in the PML4 -> entry
        for start, size, _ in ram.pieces():
            self._map(start, start + size)

    def enter(self, root: int) -> None:
        """Add the direct map to the address space with its PML4 at physical `root`."""
        for index, entry in self._top.items():
            self._words[(root >> 3) + index] = entry

    def _map(self, start: int, end: int) -> None:
        while start < end:
            level = _LARGEST_LEVEL
            while start % _span(level) or start + _span(level) > end:
                level -= 1
            self._words[self._slot(start, level)] = start | _LEAF | (PTE_PS if level else 0)
            start += _span(level)

    def _slot(self, physical: int, level: int) -> int:
        """Index in `words` of the entry that maps `physical` at `level`; makes the tables above it."""
        address = linear(physical)
        top = address >> 39 & 511
        if top not in self._top:
            self._top[top] = self._frames.take() | _TABLE
        table = self._top[top]
        for above in range(_ROOT_LEVEL - 1, level, -1):
            slot = _index(table, address, above)
            if not self._words[slot]:
                self._words[slot] = self._frames.take() | _TABLE
            table = self._words[slot]
        return _index(table, address, level)


def linear(physical: int) -> int:
    """The linear address of a byte of RAM, for the kernel and the hardware's supervisor accesses."""
    return DIRECT_MAP + physical


def _span(level: int) -> int:
    """Bytes one entry of `level` maps (0: PTE)."""
    return PAGE_SIZE << 9 * level


def _index(table: int, address: int, level: int) -> int:
    return ((table & PTE_ADDRESS) >> 3) + (address >> 12 + 9 * level & 511)
