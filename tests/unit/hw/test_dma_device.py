"""The DMA test device: registers, completion in virtual time, its interrupt, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import dma_device as reg
from pffemu.hw import interrupts
from pffemu.hw.bus import Bus
from pffemu.hw.cpu import Cpu
from pffemu.hw.dma_device import DmaDevice
from tests.unit.hw.cores import cores

SOURCE, DESTINATION = 0x20_000, 0x30_000


def wired(count: int = 2) -> tuple[list[Cpu], Bus, DmaDevice]:
    made = cores(count)
    bus = Bus(made[0].mmu.ram)
    device = DmaDevice(bus, made[0].mmu.ram, made[0].interconnect)
    bus.add("dma_device", reg.BASE, reg.SIZE, device)
    made[0].mmu.ram.octets[SOURCE : SOURCE + 16] = b"0123456789abcdef"
    return made, bus, device


def program(bus: Bus, cpu: Cpu, **registers: int) -> None:
    values = {"SOURCE": SOURCE, "DESTINATION": DESTINATION, "LENGTH": 16, "DELAY": 500, "TARGET": 1,
              "INTERRUPT": reg.INTERRUPT_ENABLE | 0x50, "COMMAND": reg.COMMAND_START} | registers  # fmt: skip
    for name, value in values.items():
        bus.store(cpu, reg.BASE + getattr(reg, name), 8, value)


def status(bus: Bus, cpu: Cpu) -> int:
    return bus.load(cpu, reg.BASE + reg.STATUS, 8)


def test_the_copy_is_there_when_its_interrupt_is_and_not_before() -> None:
    (cpu, target), bus, device = wired()
    cpu.wait_until(1000)
    program(bus, cpu)
    octets = cpu.mmu.ram.octets
    assert (status(bus, cpu), target.event_at) == (reg.STATUS_BUSY, 1500)
    target.wait_until(1499)
    assert interrupts.accept(target) is None
    assert bytes(octets[DESTINATION : DESTINATION + 16]) == bytes(16)
    target.wait_until(1500)
    assert interrupts.accept(target) == 0x50
    assert bytes(octets[DESTINATION : DESTINATION + 16]) == b"0123456789abcdef"
    assert (status(bus, cpu), device.completed) == (reg.STATUS_DONE, 1)


def test_without_its_interrupt_it_completes_in_silence() -> None:
    (cpu, target), bus, _ = wired()
    program(bus, cpu, INTERRUPT=0x50)
    target.wait_until(10_000)
    assert interrupts.accept(target) is None
    assert status(bus, cpu) == reg.STATUS_DONE


def test_a_forwarded_completion_reaches_uirr_without_the_kernel() -> None:
    (cpu, target), bus, _ = wired()
    target.apic.forwarding_enabled = target.apic.forwarding_active = 1 << 0x50
    target.apic.user_vector[0x50] = 3
    program(bus, cpu)
    target.wait_until(10_000)
    assert interrupts.accept(target) is None
    assert target.uintr.uirr == 1 << 3


@pytest.mark.parametrize(
    "bad",
    [
        {"SOURCE": (1 << 20) - 15}, {"DESTINATION": 1 << 50}, {"LENGTH": reg.LONGEST + 1}, {"TARGET": 2},
        {"INTERRUPT": reg.INTERRUPT_ENABLE | 15}, {"DELAY": 1 << 60}, {"LENGTH": (1 << 64) - 1},
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_an_error_and_starts_nothing(bad: dict[str, int]) -> None:
    (cpu, target), bus, _ = wired()
    program(bus, cpu, **bad)
    assert status(bus, cpu) == reg.STATUS_ERROR
    assert not target.arrivals
    program(bus, cpu)
    assert status(bus, cpu) == reg.STATUS_BUSY


def test_registers_written_during_a_transfer_are_for_the_next_one() -> None:
    (cpu, target), bus, device = wired()
    program(bus, cpu)
    program(bus, cpu, SOURCE=1 << 50, LENGTH=1 << 40)  # its command is ignored
    target.wait_until(10_000)
    interrupts.accept(target)
    assert device.completed == 1
    assert bytes(cpu.mmu.ram.octets[DESTINATION : DESTINATION + 4]) == b"0123"


def test_halves_of_a_register_can_be_stored_and_loaded_alone() -> None:
    (cpu, _), bus, _ = wired()
    bus.store(cpu, reg.BASE + reg.SOURCE, 4, 0x1111_2222)
    bus.store(cpu, reg.BASE + reg.SOURCE + 4, 4, 0x3333)
    assert bus.load(cpu, reg.BASE + reg.SOURCE, 8) == 0x3333_1111_2222
    assert bus.load(cpu, reg.BASE + reg.SOURCE + 4, 4) == 0x3333


@given(steps=st.lists(st.tuples(st.integers(0, 0x60), st.sampled_from((1, 2, 4, 8)), st.integers(0, (1 << 64) - 1)),
                      max_size=40))  # fmt: skip
def test_no_sequence_of_accesses_raises(steps: list[tuple[int, int, int]]) -> None:
    (cpu, target), bus, device = wired()
    for offset, size, value in steps:
        bus.store(cpu, reg.BASE + offset, size, value & (1 << 8 * size) - 1)
        assert 0 <= bus.load(cpu, reg.BASE + offset, size) < 1 << 8 * size
    program(bus, cpu)
    target.wait_until(1 << 50)
    interrupts.accept(target)
    assert device.status in (reg.STATUS_DONE, reg.STATUS_ERROR)
