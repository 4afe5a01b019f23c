"""One address space's page tables in guest RAM. The caller flushes TLBs after removing pages or rights.

Software bits (SDM: ignored by the walk): OWNED, a private page: its frame counts this entry as a user (other pages
are the zero page and the page cache); PROTNONE, the entry has a frame but is not present because the mapping is
PROT_NONE; UFFD_WP, write-protected by userfaultfd. Not-present entries without PROTNONE hold no frame; they may carry
UFFD_WP, for the next page there, or POISON or GUARD (Linux: PTE markers).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cache
from typing import Final

from kernel_model.mm.frames import FrameAllocator
from kernel_model.mm.side_by_side import side_by_side
from pffemu.arch.directed import DIRECTED, is_directed
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_U, PTE_UFFD, PTE_W
from pffemu.hw.ram import Ram

OWNED: Final = 1 << 9
PROTNONE: Final = 1 << 10
UFFD_WP: Final = 1 << 11
POISON: Final = 1 << 52  # UFFDIO_POISON: an access is a memory error
GUARD: Final = 1 << 53  # MADV_GUARD_INSTALL: an access is a segmentation fault
LAZY: Final = 1 << 55  # of a private page: MADV_FREE, its data may be lost while the entry is clean
HELD: Final = PTE_P | PROTNONE  # the entry has a frame
LASTING: Final = UFFD_WP | GUARD  # bits that stay when the page is unmapped
_WHICH: Final = HELD | PTE_ADDRESS  # of an entry: whether it has a frame, and which

_TABLE: Final = PTE_P | PTE_W | PTE_U
_SPAN: Final = 512 * PAGE_SIZE  # bytes one page table maps


@cache
def _without(mask: int) -> bytes:
    """A table of bytes.translate that clears the bits of `mask`."""
    return bytes(byte & ~mask for byte in range(256))


def unmarked(entry: int) -> int:
    """`entry`; of one without a frame, without bit 58 and the directive that it may name."""
    if entry & HELD:
        return entry
    return entry & ~DIRECTED if is_directed(entry) else entry & ~PTE_UFFD


class PageTables:
    """The tables. `root` is the value for CR3. Entries are signed 64-bit, addresses user addresses."""

    def __init__(self, ram: Ram, frames: FrameAllocator, zero_frame: int) -> None:
        """Pages that map `zero_frame` are not counted as resident."""
        self._words, self._octets = ram.words, ram.octets
        self._frames, self._zero_frame = frames, zero_frame
        self.version = 0  # grows with every change that the kernel makes to an entry
        self.resident = self.peak = 0  # pages that have a frame, now and at most
        self.root = frames.take()
        self._tables: dict[int, int] = {}  # address // _SPAN -> index of the page table's first word

    def entry(self, address: int) -> int:
        """The PTE of `address`; 0 when its table does not exist."""
        table = self._tables.get(address // _SPAN)
        return 0 if table is None else self._words[table + (address >> 12 & 511)]

    @property
    def tables(self) -> int:
        """Frames of the tables below the root."""
        return sum(len({span >> 9 * level for span in self._tables}) for level in range(3))

    def set(self, address: int, entry: int) -> None:
        """Store the PTE of `address`. Raises OutOfGuestMemory when a table is needed and RAM is full."""
        at = self._table(address) + (address >> 12 & 511)
        old, self._words[at] = self._words[at], entry
        self.version += 1
        if (old ^ entry) & _WHICH:
            if old & HELD and old & PTE_ADDRESS != self._zero_frame:
                self.resident -= 1
            if entry & HELD and entry & PTE_ADDRESS != self._zero_frame:
                self.count_resident(1)

    def count_resident(self, pages: int) -> None:
        """Count pages that have got a frame, or lost it (negative)."""
        self.resident += pages
        self.peak = max(self.peak, self.resident)

    def set_run(self, address: int, frame: int, pages: int, flags: int, stride: int = PAGE_SIZE) -> None:
        """Map `pages` frames from `frame` on, `stride` bytes apart (0: always the same), where nothing is mapped."""
        if frame != self._zero_frame:
            self.count_resident(pages)
        while pages:
            first = address >> 12 & 511
            count = min(pages, 512 - first)
            start = self._table(address) + first
            entry = frame | flags
            entries = range(entry, entry + count * stride, stride) if stride else [entry] * count
            self._words[start : start + count] = array("q", entries)
            self.version += 1
            address += count * PAGE_SIZE
            frame += count * stride
            pages -= count

    def replace_empty(self, start: int, end: int, old: int, new: int) -> None:
        """Turn entries of [start, end) that are `old`, but for bit 58 and a directive, into `new`; creates tables."""
        old = unmarked(old)
        while start < end:
            first = start >> 12 & 511
            count = min((end - start) // PAGE_SIZE, 512 - first)
            at = self._table(start) + first
            for i, entry in enumerate(self._words[at : at + count].tolist()):
                if entry == old or (entry and unmarked(entry) == old):
                    self._words[at + i] = new
                    self.version += 1
            start += count * PAGE_SIZE

    def used(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(address, entry) of every non-zero entry in [start, end), in order."""
        for span in self._spans(start, end):
            low = max(start, span * _SPAN)
            high = min(end, (span + 1) * _SPAN)
            at = self._tables[span] + (low >> 12 & 511)
            entries = self._words[at : at + (high - low) // PAGE_SIZE].tolist()
            for i in [i for i, entry in enumerate(entries) if entry]:
                yield low + i * PAGE_SIZE, self._words[at + i]

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, list[int]]]:
        """(address, place, entries) of the part of [start, end) that each page table maps, in order."""
        for span in self._spans(start, end):
            low = max(start, span * _SPAN)
            at = self._tables[span] + (low >> 12 & 511)
            yield low, at, self._words[at : at + (min(end, (span + 1) * _SPAN) - low) // PAGE_SIZE].tolist()

    def place(self, address: int) -> int:
        """Where the entry of `address` lies. Raises OutOfGuestMemory when its table is missing and RAM is full."""
        return self._table(address) + (address >> 12 & 511)

    def replace(self, place: int, old: list[int], new: list[int]) -> None:
        """Store `new` where the entries `old` of one table lie."""
        self._words[place : place + len(new)] = array("q", new)
        self.version += 1
        self.count_resident(self._held(new) - self._held(old))

    def narrow(self, place: int, entries: list[int]) -> None:
        """Store entries of one table that only differ from those before in rights."""
        self._words[place : place + len(entries)] = array("q", entries)
        self.version += 1

    def copy_private(self, address: int, source: int, count: int, dropped: int) -> None:
        """Copy `count` entries of private pages at place `source` to `address` on, in one table; `dropped`: their bits
        that the copies lack. Raises OutOfGuestMemory when the table is missing and RAM is full.
        """
        place = self.place(address)
        self._words[place : place + count] = self._words[source : source + count]
        self.count_resident(count)
        self.clear_bits(place, count, dropped)

    def clear_bits(self, place: int, count: int, bits: int) -> None:
        """Clear `bits`, which say nothing of a frame, in `count` entries of one table."""
        for byte in range(8):
            mask = bits >> 8 * byte & 0xFF
            if mask:
                column = self._octets[8 * place + byte : 8 * (place + count) : 8]
                column[:] = column.tobytes().translate(_without(mask))
        self.version += 1

    def drop_private(self, place: int, count: int, entry: int) -> None:
        """Store `entry`, which has no frame, in the place of `count` entries of private pages of one table."""
        self._words[place : place + count] = array("q", [entry]) * count
        self.version += 1
        self.count_resident(-count)

    def _held(self, entries: list[int]) -> int:
        """How many of them have a frame that counts as resident."""
        if not any(entries):
            return 0
        return len([1 for entry in entries if entry & HELD and entry & PTE_ADDRESS != self._zero_frame])

    def ready(self, address: int, end: int, bits: int) -> list[tuple[int, int]]:
        """(physical address, bytes) of the longest prefix of [address, end) in one table whose entries have all `bits`.

        Frames side by side, with entries that are otherwise alike, are one run.
        """
        table = self._tables.get(address // _SPAN)
        if table is None:
            return []
        first = address >> 12 & 511
        count = min(-(-(end - address) // PAGE_SIZE), 512 - first)
        entries = self._words[table + first : table + first + count].tolist()
        runs: list[tuple[int, int]] = []
        if entries[0] & bits != bits:
            return runs
        for entry, size in side_by_side(entries):
            if entry & bits != bits:
                break
            runs.append((entry & PTE_ADDRESS, size))
        return runs

    def give_back(self) -> None:
        """Free all tables of user space, and the root; no page may be mapped and no core may have them loaded."""
        tables = [self.root]
        for level in (3, 2, 1, 0):
            below = [] if level == 0 else [entry & PTE_ADDRESS for table in tables for entry in self._present(table)]
            for table in tables:
                self._frames.give_back(table)
            tables = below
        self._tables.clear()

    def _present(self, table: int) -> list[int]:
        entries = self._words[table >> 3 : (table >> 3) + (256 if table == self.root else 512)].tolist()
        return [entry for entry in entries if entry & PTE_P]

    def _spans(self, start: int, end: int) -> list[int]:
        """The spans of [start, end) that have a page table, in order."""
        first, behind = start // _SPAN, (end + _SPAN - 1) // _SPAN
        if behind - first <= len(self._tables):
            return [span for span in range(first, behind) if span in self._tables]
        return sorted(span for span in self._tables if first <= span < behind)

    def _table(self, address: int) -> int:
        span = address // _SPAN
        table = self._tables.get(span)
        if table is None:
            table = self._tables[span] = self._grow(address)
        return table

    def _grow(self, address: int) -> int:
        table = self.root >> 3
        for level in (3, 2, 1):
            index = table + (address >> 12 + 9 * level & 511)
            if not self._words[index] & PTE_P:
                self._words[index] = self._frames.take() | _TABLE
            table = (self._words[index] & PTE_ADDRESS) >> 3
        return table
