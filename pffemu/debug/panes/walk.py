"""Pane: the page walk of one address, level by level, with each entry's rights and the one that is not present."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from pffemu.arch.directed import BUSY, CORE, CORE_SHIFT, generation_of, index_of, is_directed
from pffemu.arch.paging import PTE_A, PTE_ADDRESS, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_UFFD, PTE_W
from pffemu.arch.registers import MASK64
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.inspect.hardware_tables import walk_entries

_LEVELS: Final = ("PTE", "PDE", "PDPTE", "PML4E")
_BITS: Final = (
    ("P", PTE_P), ("W", PTE_W), ("U", PTE_U), ("A", PTE_A), ("D", PTE_D), ("PS", PTE_PS), ("UFFD", PTE_UFFD)
)  # fmt: skip


def walk(cpu: Cpu, address: int) -> Text:
    """Entries from CR3 down; tables outside RAM read as not present, as for the MMU's walker."""
    root = cpu.mmu.fill.root & PTE_ADDRESS
    text = Text().append("address  ", NAME).append(f"{address:#x}\n").append("CR3      ", NAME).append(f"{root:#x}\n")
    for level, slot, entry in walk_entries(cpu, address):
        present = bool(entry & PTE_P)
        text.append(f"{_LEVELS[level]:<6}", NAME).append(f"[{slot:3}] {entry & MASK64:016x}  ", "" if present else HERE)
        text.append(_describe(entry, level) + "\n", QUIET if present else HERE)
    regions = [region for region in cpu.mmu.regions.find(root, address)]
    text.append("region   ", NAME)
    text.append(", ".join(f"{each.start:#x}-{each.end:#x}" for each in regions) or "none of this address space")
    return text.append("\n")


def _describe(entry: int, level: int) -> str:
    bits = " ".join(name for name, bit in _BITS if entry & bit and (level or name != "PS"))
    if level == 0 and is_directed(entry):
        busy = f", BUSY: core {(entry & CORE) >> CORE_SHIFT} fills it" if entry & BUSY else ""
        return f"not present: directive {index_of(entry)}, generation {generation_of(entry)}{busy}"
    if not entry & PTE_P:
        return f"not present{f' ({bits})' if bits else ''}"
    return f"-> {entry & PTE_ADDRESS:#x}  {bits}{' NX' if entry < 0 else ''}"
