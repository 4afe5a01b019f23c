"""Notices of an address space to the driver of the MMU's table of userfaultfd regions (struct mmu_notifier)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from pffemu.hw.cpu import Cpu


class MmuNotifier(Protocol):
    """The driver of the region table (kernel_model.drivers.pff). `cpu` is the core that makes the change."""

    def changed(self, cpu: Cpu, mm: Mm, start: int, end: int, *, fresh: bool) -> None:
        """Areas of [start, end) are registered, or have other rights now; `fresh`: they were not registered before."""

    def removed(self, cpu: Cpu, mm: Mm, start: int, end: int) -> None:
        """[start, end) is no longer registered, or the kernel refuses its faults."""

    def released(self, cpu: Cpu, mm: Mm) -> None:
        """The address space ends."""
