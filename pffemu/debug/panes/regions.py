"""Pane: the MMU's userfaultfd regions, and the process's virtual memory areas."""

from __future__ import annotations

from rich.text import Text

from kernel_model.mm.mm import Mm
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.hw.cpu import Cpu


def regions(cpu: Cpu, mm: Mm) -> Text:
    """The area that holds RIP is highlighted; regions of other address spaces are dimmed."""
    table = cpu.mmu.regions
    text = Text().append(f"MMU regions, {len(table)} of {table.capacity}\n", NAME)
    for region in table.regions:
        own = region.tag in (0, cpu.mmu.fill.root)
        line = f"{region.start:#x}-{region.end:#x}  {_mode(region.mode)}  tag {region.tag:#x}\n"
        text.append(line, "" if own else QUIET)
    text.append("areas\n", NAME)
    rip = cpu.registers["rip"]
    for vma in mm.vmas:
        text.append(f"{vma}\n", HERE if vma.start <= rip < vma.end else "")
    return text


def _mode(mode: int) -> str:
    names = ((MODE_MISSING, "missing"), (MODE_WRITE_PROTECT, "write-protect"))
    return "+".join(name for bit, name in names if mode & bit)
