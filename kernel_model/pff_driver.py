"""The driver of uffd_mmio: tells the MMU which ranges userfaultfd owns, by MMIO stores (PFF-UINTR's kernel change).

A range that does not fit the device's table stays on the default path: its faults reach the kernel and, from there,
the userfaultfd's reader. With the Mmu's PTE_BIT design page tables carry the news and this driver has nothing to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.printk import Printk
from pffemu.arch import uffd_mmio as reg
from pffemu.arch.paging import PTE_ADDRESS
from pffemu.hw.bus import Bus

if TYPE_CHECKING:
    from kernel_model.mm import Mm
    from pffemu.hw.cpu import Cpu


class PffDriver:
    """`base` is None when the machine has no device, or the kernel does not forward."""

    def __init__(self, bus: Bus, base: int | None, printk: Printk) -> None:
        self._bus, self._base, self._printk = bus, base, printk

    def add(self, cpu: Cpu, mm: Mm, start: int, end: int) -> None:
        if self._command(cpu, mm, reg.COMMAND_ADD, start, end) == reg.STATUS_FULL:
            self._printk.warn_once(
                cpu,
                f"the MMU's region table is full: faults in {start:#x}-{end:#x} take the userfaultfd path"
                " (register fewer ranges, or give the machine more with uffd_regions)",
            )

    def remove(self, cpu: Cpu, mm: Mm, start: int, end: int) -> None:
        """A removal that would need one more entry than there is falls back to telling the device all again."""
        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == reg.STATUS_FULL:
            self.remove_all(cpu, mm)
            for vma in mm.vmas:
                if vma.uffd is not None:
                    self.add(cpu, mm, vma.start, vma.end)

    def remove_all(self, cpu: Cpu, mm: Mm) -> None:
        """The address space ends."""
        self._command(cpu, mm, reg.COMMAND_REMOVE_TAG, 0, 0)

    def _command(self, cpu: Cpu, mm: Mm, command: int, start: int, end: int) -> int:
        if self._base is None:
            return reg.STATUS_OK
        stores = (
            (reg.TAG, mm.pages.root & PTE_ADDRESS),
            (reg.MODE, reg.MODE_MISSING),
            (reg.START, start),
            (reg.END, end),
            (reg.COMMAND, command),
        )
        for offset, value in stores:
            self._bus.store(cpu, self._base + offset, 8, value)
        return self._bus.load(cpu, self._base + reg.STATUS, 8)
