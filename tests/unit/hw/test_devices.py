"""The table of devices: what it refuses at the machine's start, and whose access is on the bus."""

from __future__ import annotations

from typing import Any

import pytest

from pffemu import Machine, UsageError
from pffemu.arch import apic_regs, dma_device, uffd_mmio
from pffemu.hw import devices
from pffemu.hw.bus import Bus
from pffemu.hw.cpu import Cpu
from pffemu.hw.devices import DEVICES, OF_EACH_CORE, DeviceRow, Places
from pffemu.hw.ram import Ram
from pffemu.machine.options import MachineOptions
from tests.unit.hw.cores import cores

BASE = 0x6_0000_0000


class Recorder:
    """Notes which core's access is on the bus."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.seen: list[Cpu | None] = []

    def read(self, _offset: int, _size: int) -> int:
        self.seen.append(self.bus.initiator)
        return 0

    def write(self, _offset: int, _size: int, _value: int) -> None:
        self.seen.append(self.bus.initiator)


def with_row(monkeypatch: pytest.MonkeyPatch, row: DeviceRow[Any]) -> None:
    monkeypatch.setattr(devices, "DEVICES", (*DEVICES, row))
    monkeypatch.setattr(devices, "_ROWS", (*DEVICES, row, *OF_EACH_CORE))


def test_loads_set_the_initiator_as_stores_do() -> None:
    first, second = cores(2)
    bus = Bus(first.mmu.ram)
    device = Recorder(bus)
    bus.add("recorder", BASE, 0x1000, device)
    bus.store(first, BASE, 4, 1)
    bus.load(second, BASE, 4)
    bus.load(first, BASE, 4)
    assert device.seen == [first, second, first]


def test_a_row_is_all_that_a_device_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with_row(monkeypatch, DeviceRow("recorder", 0x10_0000, 0x2000, lambda wired: Recorder(wired.bus)))
    machine = Machine(ram=1 << 22, cpus=2)
    assert (0x10_0000, 0x2000) in machine.ram.holes
    assert [str(window.name) for window in machine.bus.windows] == ["uffd_mmio", "dma_device", "recorder"]
    assert machine.bus.load(machine.cpus[1], 0x10_1FF8, 8) == 0


@pytest.mark.parametrize(
    ("base", "size", "what"),
    [
        (dma_device.BASE, 0x1000, "overlap"),
        (dma_device.BASE - 0x1000, 0x2000, "recorder at 0x50000f000 and dma_device at 0x500010000 overlap"),
        (apic_regs.APIC_BASE - 0x2000, 0x4000, "recorder at 0xfedfe000 and local_apic at 0xfee00000 overlap"),
        (uffd_mmio.BASE, 0x1000, "overlap"),
        (BASE + 8, 0x1000, "recorder at 0x600000008, 0x1000 bytes"),
        (BASE, 0x10, "recorder at 0x600000000, 0x10 bytes"),
        (BASE, 0, "recorder at"),
        (0, 0x1000, "recorder at 0x0"),
        (1 << 44, 0x1000, "recorder at"),
    ],
)
def test_a_place_where_no_device_can_be(monkeypatch: pytest.MonkeyPatch, base: int, size: int, what: str) -> None:
    with_row(monkeypatch, DeviceRow("recorder", base, size, lambda wired: Recorder(wired.bus)))
    with pytest.raises(UsageError, match=what):
        Machine(ram=1 << 22)


def test_a_row_with_an_option_that_machine_options_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    row = DeviceRow("recorder", BASE, 0x1000, lambda wired: Recorder(wired.bus), option="recorder_base")
    with_row(monkeypatch, row)
    with pytest.raises(UsageError, match="device recorder: MachineOptions has no address 'recorder_base'"):
        Machine(ram=1 << 22)


@pytest.mark.parametrize("base", [apic_regs.APIC_BASE, dma_device.BASE])
def test_uffd_mmio_where_another_device_is(base: int) -> None:
    with pytest.raises(UsageError, match="overlap") as refused:
        MachineOptions(uffd_mmio_base=base)
    assert refused.value.remedy == "change uffd_mmio_base"


def test_a_device_on_the_bus_without_a_hole_in_ram() -> None:
    bus = Bus(Ram(1 << 22, ((0x10_0000, 0x1000),)))
    bus.add("in the hole", 0x10_0000, 0x1000, Recorder(bus))
    with pytest.raises(UsageError, match="forgotten at 0x200000 overlaps RAM at 0x101000"):
        bus.add("forgotten", 0x20_0000, 0x1000, Recorder(bus))
    with pytest.raises(UsageError, match="overlaps in the hole at 0x100000"):
        bus.add("twice", 0x10_0000, 0x1000, Recorder(bus))


def test_every_device_has_a_name_and_a_place_of_its_own() -> None:
    rows = (*DEVICES, *OF_EACH_CORE)
    places = Places.of(MachineOptions())
    assert len(places.starts) == len({start for start, _ in places.holes()}) == len(rows)
    assert all(places.starts[row.name] == row.base for row in rows)  # options stand at the row's base
