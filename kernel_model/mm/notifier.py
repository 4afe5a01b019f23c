"""Notices of an address space to what the hardware knows of it (struct mmu_notifier)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.frame_rings import Context


class MmuNotifier(Protocol):
    """The driver of the region table (kernel_model.drivers.pff). `cpu` is the core that makes the change."""

    def changed(self, cpu: Cpu, mm: Mm, start: int, end: int, *, fresh: bool) -> None:
        """Areas of [start, end) are registered, or have other rights now; `fresh`: they were not registered before."""

    def removed(self, cpu: Cpu, mm: Mm, start: int, end: int) -> None:
        """[start, end) is no longer registered, or the kernel refuses its faults."""

    def released(self, cpu: Cpu, mm: Mm) -> None:
        """The address space ends."""


class Directed(Protocol):
    """The directives of an address space (kernel_model.uffd.directed_memory)."""

    def context(self, core: int) -> Context | None:
        """What core `core` loads with the address space."""

    def settle(self) -> None:
        """Wait for fills in flight and take over their records: before page-table entries are read or changed."""

    def count(self, directed: int, pages: int) -> None:
        """The directive that `directed`, an empty entry, names has so many returnable pages more (negative: fewer)."""

    def unlist(self, vma: Vma, start: int, end: int) -> None:
        """The pages behind [start, end) of a shared area leave the page cache: MAP maps them no more."""

    def released(self) -> None:
        """The address space ends: everything goes back."""
