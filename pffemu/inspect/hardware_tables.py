"""Tables that the hardware reads, by the names of claims: `pte[address]`, `upid`, `uitt[index]`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from pffemu.arch import uitt, upid
from pffemu.arch.paging import PTE_A, PTE_ADDRESS, PTE_D, PTE_NX, PTE_P, PTE_PS, PTE_U, PTE_UFFD, PTE_W
from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap

_BITS: Final = {"P": PTE_P, "W": PTE_W, "U": PTE_U, "A": PTE_A, "D": PTE_D, "UFFD": PTE_UFFD, "NX": PTE_NX}
_LEVELS: Final = (3, 2, 1, 0)


def walk_entries(cpu: Cpu, address: int) -> Iterator[tuple[int, int, int]]:
    """(level, slot, entry) from CR3 down to the leaf, or to an entry that is not present, as all outside RAM are."""
    words, table = cpu.mmu.ram.words, cpu.mmu.fill.root & PTE_ADDRESS
    for level in _LEVELS:
        slot = address >> (12 + 9 * level) & 511
        index = (table >> 3) + slot
        entry = words[index] if index < len(words) else 0
        yield level, slot, entry
        if not entry & PTE_P or entry & PTE_PS:
            return
        table = entry & PTE_ADDRESS


class PageTableEntry(int):
    """The entry as a word; its bits by name, and `frame`: the physical address in it."""

    FIELDS: ClassVar = (*_BITS, "frame")

    def __getattr__(self, name: str) -> int:
        if name == "frame":
            return self & PTE_ADDRESS
        if name not in _BITS:
            raise AttributeError(name)
        return int(bool(self & _BITS[name] & MASK64))


@dataclass(frozen=True, slots=True)
class PageTables:
    """`pte[address]`: the entry at which the walk of `address` ends, the leaf or one that is not present."""

    TAKES_ADDRESS: ClassVar = True
    cpu: Cpu

    def at(self, address: int) -> PageTableEntry:
        *_, (_, _, entry) = walk_entries(self.cpu, address)
        return PageTableEntry(entry & MASK64)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`upid`: the descriptor that UPIDADDR names."""

    FIELDS: ClassVar = ("on", "sn", "nv", "ndst", "pir", "blkd")
    descriptor: upid.Upid

    def __getattr__(self, name: str) -> int:
        return int(getattr(self.descriptor, name))


@dataclass(frozen=True, slots=True)
class Target:
    """`uitt[index]`: an entry of the target table."""

    FIELDS: ClassVar = ("valid", "vector", "upid")
    word: int
    upid: int

    @property
    def valid(self) -> int:
        return self.word & uitt.V

    @property
    def vector(self) -> int:
        return self.word >> uitt.UV_SHIFT & 0xFF


@dataclass(frozen=True, slots=True)
class TargetTable:
    cpu: Cpu

    def at(self, index: int) -> Target:
        """Raises UsageError for an entry that the table does not have."""
        size = self.cpu.uintr.uittsz + 1
        if not self.cpu.uintr.uitt_enabled or not 0 <= index < size:
            raise UsageError(f"no entry {index} in the UITT", remedy="it is off" if size == 1 else f"0 to {size - 1}")
        octets = _read(self.cpu, self.cpu.uintr.uittaddr + uitt.ENTRY_SIZE * index, "UITTADDR")
        return Target(int.from_bytes(octets[:8], "little"), int.from_bytes(octets[8:], "little"))


def descriptor_of(cpu: Cpu) -> Descriptor:
    """The UPID of the thread on the core. Raises UsageError when UPIDADDR leads nowhere."""
    return Descriptor(upid.unpack(_read(cpu, cpu.uintr.upidaddr, "UPIDADDR")))


def _read(cpu: Cpu, address: int, register: str) -> bytes:
    """16 bytes with supervisor rights."""
    octets = cpu.mmu.load(address, 16, 0, update=False)
    if isinstance(octets, Trap):
        raise UsageError(f"no memory at {register}, {address:#x}", remedy="register a handler first")
    return octets


TABLES: Final = {"pte": PageTables, "uitt": TargetTable, "upid": descriptor_of}
