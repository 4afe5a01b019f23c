"""The driver of uffd_mmio: tells the MMU which ranges userfaultfd owns, by MMIO stores (PFF-UINTR's kernel change).

It is the notifier of every address space (mm.notifier).

The page-table entries of a range that does not fit the device's table get bit 58, where the MMU looks next. With its
PTE_BIT design all ranges are marked there, and the driver does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.uapi import PROT_WRITE
from kernel_model.printk import Printk
from pffemu.arch import uffd_mmio as reg
from pffemu.arch.paging import PTE_ADDRESS, USER_END
from pffemu.hw.bus import Bus

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from pffemu.hw.cpu import Cpu


class PffDriver:
    """The driver. `base` is None when the machine has no device, or the kernel does not forward.

    Not `tagged`: as PFF-UINTR's kernel, which adds ranges for every address space and never removes one.
    """

    def __init__(self, bus: Bus, base: int | None, printk: Printk, *, tagged: bool = True) -> None:
        self._bus, self._base, self._printk, self._tagged = bus, base, printk, tagged

    def _add(self, cpu: Cpu, mm: Mm, start: int, end: int, mode: int) -> None:
        """Forward faults of the kinds in `mode` (MODE_* of the device; 0: none)."""
        if mode and self._command(cpu, mm, reg.COMMAND_ADD, start, end, mode) == reg.STATUS_FULL:
            self._printk.warn_once(
                cpu,
                f"the MMU's region table is full: {start:#x}-{end:#x} and what follows is marked in the page tables"
                " (a larger table: uffd_regions, --regions)",
            )
            mm.mark_entries(start, end)

    def removed(self, cpu: Cpu, mm: Mm, start: int, end: int) -> None:
        """Remove [start, end); when the split needs an entry more than the table has, load the table anew."""
        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == reg.STATUS_FULL:
            self.released(cpu, mm)
            self._add_areas(cpu, mm, list(mm.vmas))

    def changed(self, cpu: Cpu, mm: Mm, start: int, end: int, *, fresh: bool) -> None:
        """Areas of [start, end) are registered, or have other rights now; `fresh`: they were not registered before."""
        if not fresh:
            self.removed(cpu, mm, start, end)
        self._add_areas(cpu, mm, mm.vmas.overlapping(start, end), start, end)

    def _add_areas(self, cpu: Cpu, mm: Mm, vmas: list[Vma], start: int = 0, end: int = USER_END) -> None:
        for vma in vmas:
            if vma.uffd is not None:
                self._add(cpu, mm, max(start, vma.start), min(end, vma.end), forwarded(vma))

    def released(self, cpu: Cpu, mm: Mm) -> None:
        """The address space ends."""
        self._command(cpu, mm, reg.COMMAND_REMOVE_TAG, 0, 0)

    def _command(self, cpu: Cpu, mm: Mm, command: int, start: int, end: int, mode: int = reg.MODE_MISSING) -> int:
        if self._base is None or not (self._tagged or command == reg.COMMAND_ADD):
            return reg.STATUS_OK
        stores = (
            (reg.TAG, mm.pages.root & PTE_ADDRESS if self._tagged else 0),
            (reg.MODE, mode),
            (reg.START, start),
            (reg.END, end),
            (reg.COMMAND, command),
        )
        cpu.charge("cpu.mmio", len(stores) + 1)
        for offset, value in stores:
            self._bus.store(cpu, self._base + offset, 8, value)
        return self._bus.load(cpu, self._base + reg.STATUS, 8)


def forwarded(vma: Vma) -> int:
    """The faults of a registered area that userfaultfd answers (MODE_* of the device), not the kernel or a signal.

    The MMU sees only P=0, so a minor fault is a missing one to it. An access that the area forbids is a segmentation
    fault, and the kernel resolves asynchronous write protection.
    """
    mode = 0
    if vma.prot and vma.uffd_mode & (uffd_abi.MODE_MISSING | uffd_abi.MODE_MINOR):
        mode |= reg.MODE_MISSING
    if vma.uffd is not None and not vma.uffd.resolves_write_protection:
        mode |= reg.MODE_WRITE_PROTECT if vma.prot & PROT_WRITE and vma.uffd_mode & uffd_abi.MODE_WP else 0
    return mode
