"""One core's MMU: page walks, the TLB behind Unicorn, and the check for userfaultfd regions (pff).

Two designs of that check can be chosen. RANGES (the default, PFF-UINTR's): a table of address ranges, filled through
the uffd_mmio device. PTE_BIT (a later TUM design): bit 58 of the page-table entry that refused the walk, which needs
neither tags nor removal. An address that no range holds is looked up in its entry, too: the kernel marks the entries of
what did not fit the table. Not present: a missing page; present: a write-protected one (pffemu's addition).
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.exceptions import GP, PF
from pffemu.arch.pagefault import P
from pffemu.arch.paging import PAGE_MASK, PAGE_SIZE, PTE_ADDRESS, PTE_UFFD, is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT
from pffemu.engine.refusals import NON_CANONICAL, REFUSED, REFUSED_CODE, REFUSED_PAGE
from pffemu.engine.registers import RegisterFile
from pffemu.hw import page_walk
from pffemu.hw.fault_address import (
    across_the_edge,
    exact_fault,
    first_non_canonical,
    first_piece,
    operands_of,
    trap_of_operand,
)
from pffemu.hw.fill import CODE
from pffemu.hw.page_walk import FETCH, OK, USER, WRITE
from pffemu.hw.ram import Ram
from pffemu.hw.tlb_fill import TlbFill
from pffemu.hw.trap import Trap
from pffemu.hw.uffd_regions import RegionTable, covers

__all__ = ["FETCH", "USER", "WRITE", "Mmu", "RegionCheck", "UffdLookup"]


_LAST_CANONICAL: Final = (1 << 47) - PAGE_SIZE  # page of the lower half; an operand may leave it upwards
_OFFSET: Final = PAGE_SIZE - 1
_TLB_MOST: Final = 1 << 16  # entries: a guest may have more pages than the host should cache


class UffdLookup(Enum):
    """How the MMU recognizes userfaultfd memory."""

    RANGES = "ranges"
    PTE_BIT = "pte"


class RegionCheck(NamedTuple):
    """The check of a refused address: whether it is in a region of this address space, and covered by its mode."""

    inside: bool
    covered: bool
    by_entry: bool  # the page-table entry was looked at


class Mmu:
    """Translations of one core. Addresses are unsigned; `access` is WRITE | USER | FETCH."""

    def __init__(self, ram: Ram, regions: RegionTable, lookup: UffdLookup, compiled: bool, core: int = 0) -> None:
        self.ram, self._octets = ram, ram.octets
        self.regions = regions
        self.lookup = lookup
        self.fill = TlbFill(ram, compiled, core)
        self._words = ram.size >> 3
        self._tlb: dict[int, int] = {}  # page | access -> frame, for accesses of delivery and of the kernel

    def flush(self) -> None:
        """Drop the translations of accesses that do not go through the engine."""
        self._tlb.clear()

    def translate(self, address: int, access: int, update: bool = True) -> int | Trap:
        """The physical byte address, or the trap of the access. `update`: set A and D as the CPU does."""
        frame = self._tlb.get(address & PAGE_MASK | access)
        if frame is not None:
            return frame | address & _OFFSET
        if not is_canonical(address):
            return Trap(GP)
        frame, _, code = page_walk.walk(self.ram.words, self._words, self.fill.root, address, access, update)
        if code != OK:
            return Trap(PF, code, address)
        if len(self._tlb) >= _TLB_MOST:
            self._tlb.clear()
        if update or access & FETCH:  # code has been fetched, so its A bit is set already
            self._tlb[address & PAGE_MASK | access] = frame
        return frame | address & _OFFSET

    def load(self, address: int, size: int, access: int, update: bool = True) -> bytes | Trap:
        """`size` bytes at `address`, or the first trap."""
        frame, offset = self._tlb.get(address & PAGE_MASK | access), address & _OFFSET
        if frame is not None and offset + size <= PAGE_SIZE:  # the usual case
            return bytes(self._octets[frame | offset : (frame | offset) + size])
        parts = self._parts(address, size, access, update)
        if isinstance(parts, Trap):
            return parts
        return b"".join(bytes(self._octets[start : start + length]) for start, length in parts)

    def store(self, address: int, data: bytes, access: int) -> Trap | None:
        """Write `data` whole, or nothing and return the first trap."""
        frame, offset, size = self._tlb.get(address & PAGE_MASK | access | WRITE), address & _OFFSET, len(data)
        if frame is not None and offset + size <= PAGE_SIZE:  # the usual case
            self._octets[frame | offset : (frame | offset) + size] = data
            if self.ram.frames[frame // PAGE_SIZE] & CODE:
                self.ram.forget_code(frame // PAGE_SIZE)
            return None
        parts = self._parts(address, size, access | WRITE, True)
        if isinstance(parts, Trap):
            return parts
        done = 0
        for start, length in parts:
            self.ram.store(start, data[done : done + length])
            done += length
        return None

    def refused_access(self, registers: RegisterFile, rip: int) -> Trap:
        """The trap of the fill that was just refused: #PF with exact CR2 and error code, #GP or #SS."""
        refusal = self.fill.state
        page, code = refusal[REFUSED_PAGE] & MASK64, refusal[REFUSED_CODE]
        non_canonical = refusal[REFUSED] == NON_CANONICAL
        if code & FETCH:
            return Trap(GP) if non_canonical else Trap(PF, code, max(rip, page))
        operands = operands_of(self.code_at(rip, MAX_INSTRUCTION))
        if operands.first_load is not None:
            start, last = first_piece(operands.first_load, registers, rip)
            loaded = self.load(start, last - start + 1, USER, update=False) if is_canonical(last) else Trap(GP)
            if isinstance(loaded, Trap):
                return loaded
        if non_canonical:
            operand = first_non_canonical(operands, registers, rip)
            return Trap(GP) if operand is None else trap_of_operand(operand)
        if page == _LAST_CANONICAL:
            operand = across_the_edge(operands, registers, rip, page, code)
            if operand is not None:
                return trap_of_operand(operand)
        if operands.writes_back:
            start, last = first_piece(operands.stores[0], registers, rip + operands.size)
            before = self.translate(start, USER | WRITE, update=False) if start < page <= last else None
            if isinstance(before, Trap):  # the engine loads from both pages before it stores to the first
                return before
        address, code = exact_fault(operands, registers, rip, page, code)
        return Trap(PF, code, address)

    def code_at(self, rip: int, size: int) -> bytes:
        """Up to `size` bytes of code, shorter at the edge of what ring 3 can fetch. No side effect."""
        code = self.load(rip, size, USER | FETCH, update=False)
        if isinstance(code, bytes):
            return code
        code = self.load(rip, PAGE_SIZE - rip % PAGE_SIZE, USER | FETCH, update=False)
        return code if isinstance(code, bytes) else b""

    def patch_code(self, rip: int, code: bytes) -> None:
        """Replace code bytes without the engine's notice; the caller makes it translate them anew."""
        parts = self._parts(rip, len(code), USER | FETCH, False)
        done = 0
        for start, length in () if isinstance(parts, Trap) else parts:
            self._octets[start : start + length] = code[done : done + length]
            done += length

    def check_region(self, trap: Trap) -> RegionCheck:
        """pff: whether the refused address is userfaultfd memory of this address space, for a fault of this kind."""
        code, root, inside, covered = trap.error_code, self.fill.root, False, False
        if self.lookup is UffdLookup.RANGES:
            for region in self.regions.find(root & PTE_ADDRESS, trap.address):
                inside, covered = True, covered or covers(region.mode, code)
        if inside:
            return RegionCheck(True, covered, False)
        _, entry, _ = page_walk.walk(self.ram.words, self._words, root, trap.address, code & ~P, False)
        if entry & PTE_UFFD:
            code = code & ~P | entry & P  # as it is now: another core may have changed it since the walk was refused
            inside, covered = True, covers(MODE_WRITE_PROTECT if entry & P else MODE_MISSING, code)
        return RegionCheck(inside, covered, True)

    def _parts(self, address: int, size: int, access: int, update: bool) -> list[tuple[int, int]] | Trap:
        """(physical address, bytes) per page of [address, address + size)."""
        parts = []
        while size > 0:
            start = self.translate(address, access, update)
            if isinstance(start, Trap):
                return start
            length = min(size, PAGE_SIZE - address % PAGE_SIZE)
            parts.append((start, length))
            address += length
            size -= length
        return parts
