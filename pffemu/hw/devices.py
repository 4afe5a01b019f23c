"""The machine's devices, one row each: base, size, and constructor.

RAM has a hole for each row, where the bus finds the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pffemu.arch import apic_regs, dma_device, uffd_mmio
from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import UsageError
from pffemu.hw.apic_access import ApicPage
from pffemu.hw.bus import Bus, Device
from pffemu.hw.cpu import Cpu
from pffemu.hw.dma_device import DmaDevice
from pffemu.hw.interconnect import Interconnect
from pffemu.hw.ram import LARGEST, Ram
from pffemu.hw.uffd_mmio import UffdMmio
from pffemu.hw.uffd_regions import RegionTable


class Platform(NamedTuple):
    """The parts to which a device of the whole machine may be wired."""

    ram: Ram
    bus: Bus
    regions: RegionTable
    interconnect: Interconnect


_Owner = TypeVar("_Owner", Platform, Cpu)


@dataclass(frozen=True, slots=True)
class DeviceRow(Generic[_Owner]):
    """One device. `base`: its physical address, unless `option` names the field of MachineOptions that has it."""

    name: str
    base: int
    size: int  # bytes
    build: Callable[[_Owner], Device]
    option: str = ""


DEVICES: Final[tuple[DeviceRow[Platform], ...]] = (
    DeviceRow(
        "uffd_mmio", uffd_mmio.BASE, uffd_mmio.SIZE, lambda wired: UffdMmio(wired.regions), option="uffd_mmio_base"
    ),
    DeviceRow(
        "dma_device", dma_device.BASE, dma_device.SIZE,
        lambda wired: DmaDevice(wired.bus, wired.ram, wired.interconnect),
    ),
)  # fmt: skip
# each core has its own of these, all at the same address
OF_EACH_CORE: Final[tuple[DeviceRow[Cpu], ...]] = (
    DeviceRow("local_apic", apic_regs.APIC_BASE, apic_regs.APIC_SIZE, ApicPage),
)
_ROWS: Final[tuple[DeviceRow[Any], ...]] = (*DEVICES, *OF_EACH_CORE)


@dataclass(frozen=True, slots=True)
class Places:
    """The address of each device, by its name."""

    starts: Mapping[str, int]

    @classmethod
    def of(cls, options: object) -> Places:
        """`options`: MachineOptions. Raises UsageError for a missing option, and for an impossible address."""
        places = [(_start(row, options), row.size, row) for row in _ROWS]
        for start, size, row in places:
            if start % PAGE_SIZE or size % PAGE_SIZE or size <= 0 or not PAGE_SIZE <= start <= LARGEST - size:
                remedy = "use a page-aligned address below 16 TiB, and whole pages"
                raise UsageError(f"{row.name} at {start:#x}, {size:#x} bytes", remedy=remedy)
        for (start, size, row), (behind, _, other) in pairwise(sorted(places, key=lambda place: place[0])):
            if start + size > behind:
                movable = row.option or other.option or f"the base of {row.name} or {other.name}"
                what = f"{row.name} at {start:#x} and {other.name} at {behind:#x} overlap"
                raise UsageError(what, remedy=f"change {movable}")
        return cls({row.name: start for start, _, row in places})

    def holes(self) -> tuple[tuple[int, int], ...]:
        """(address, bytes) of the holes in RAM."""
        return tuple((self.starts[row.name], row.size) for row in _ROWS)

    def add_devices(self, platform: Platform) -> None:
        """Build the devices of the whole machine, and put them on the bus."""
        for row in DEVICES:
            platform.bus.add(row.name, self.starts[row.name], row.size, row.build(platform))

    def attach(self, cpu: Cpu, bus: Bus) -> None:
        """Map the devices on the bus, and the core's own, for guest code on `cpu`."""
        own = [bus.window(row.name, self.starts[row.name], row.size, row.build(cpu)) for row in OF_EACH_CORE]
        bus.attach(cpu, own)


def _start(row: DeviceRow[Any], options: object) -> int:
    if not row.option:
        return row.base
    start = getattr(options, row.option, None)
    if not isinstance(start, int):
        what = f"device {row.name}: MachineOptions has no address {row.option!r}"
        raise UsageError(what, remedy="give pffemu/machine/options.py that field, or the row no option")
    return start
