"""What a core does with an acknowledged vector: notification, forwarding, the kernel; and the kernel-bypass timer."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import upid
from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import PF, UD
from pffemu.arch.pagefault import P, W
from pffemu.arch.upid import Upid
from pffemu.events.hw import NotificationProcessed
from pffemu.hw import insns, interrupts
from pffemu.hw.cpu import Cpu, KbTimer
from pffemu.hw.insns import settimer
from pffemu.hw.interconnect import NEVER
from pffemu.hw.msrs import rdmsr, wrmsr
from pffemu.hw.trap import Trap
from tests.unit.hw.cores import MAPPED, MISSING_PAGE, READ_ONLY_PAGE, cores, peek, poke

UINV = 0xEC
UPID = MAPPED


def receiver(pir: int = 0, **fields: object) -> Cpu:
    (cpu,) = cores()
    cpu.uintr.uinv, cpu.uintr.upidaddr = UINV, UPID
    poke(cpu, UPID, Upid(on=True, nv=UINV, pir=pir, **fields).pack())  # type: ignore[arg-type]
    return cpu


# -- notification -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tid", [0, 1], ids=["while the core idles in the kernel", "while ring 3 runs"])
def test_notification_clears_on_takes_pir_into_uirr_and_writes_eoi(tid: int) -> None:
    cpu = receiver(1 << 63 | 1 << 9)
    cpu.tid, cpu.uintr.uirr = tid, 1 << 2
    cpu.apic.request(UINV)
    assert interrupts.accept(cpu) is None
    assert upid.unpack(peek(cpu, UPID, 16)) == Upid(nv=UINV)
    assert cpu.uintr.uirr == 1 << 63 | 1 << 9 | 1 << 2
    assert (cpu.apic.irr, cpu.apic.isr) == (0, 0)
    assert cpu.bus.counts[NotificationProcessed] == 1


def test_it_leaves_every_other_bit_of_the_upid_alone() -> None:
    cpu = receiver()
    poke(cpu, UPID, struct.pack("<QQ", (1 << 64) - 1, 5))
    cpu.apic.request(UINV)
    interrupts.accept(cpu)
    assert struct.unpack("<QQ", peek(cpu, UPID, 16)) == ((1 << 64) - 2, 0)


def test_with_an_empty_pir_nothing_becomes_pending() -> None:
    cpu = receiver()
    cpu.apic.request(UINV)
    assert interrupts.accept(cpu) is None
    assert cpu.uintr.uirr == 0


@pytest.mark.parametrize(("cr4", "uinv"), [(False, UINV), (True, 0), (True, UINV - 1)])
def test_without_cr4_uintr_or_with_another_uinv_the_kernel_gets_the_vector(cr4: bool, uinv: int) -> None:
    cpu = receiver(1)
    cpu.cr4_uintr, cpu.uintr.uinv = cr4, uinv
    cpu.apic.request(UINV)
    assert interrupts.accept(cpu) == UINV
    assert cpu.apic.isr == 1 << UINV  # EOI is the kernel's
    assert upid.unpack(peek(cpu, UPID, 16)).pir == 1


@pytest.mark.parametrize(
    ("at", "trap"), [(MISSING_PAGE, Trap(PF, W, MISSING_PAGE)), (READ_ONLY_PAGE, Trap(PF, P | W, READ_ONLY_PAGE))]
)
def test_a_upid_that_faults_is_a_supervisor_page_fault_and_loses_nothing(at: int, trap: Trap) -> None:
    cpu = receiver()
    cpu.uintr.upidaddr = at
    posted = Upid(on=True, nv=UINV, pir=1 << 7).pack()
    poke(cpu, at, posted)
    cpu.apic.request(UINV)
    assert interrupts.accept(cpu) == trap
    assert (cpu.uintr.uirr, peek(cpu, at, 16)) == (0, posted)


def test_tpr_holds_a_notification_back() -> None:
    cpu = receiver(1)
    cpu.apic.tpr = 0xE0
    cpu.apic.request(UINV)
    cpu.plan()
    assert (interrupts.accept(cpu), cpu.uintr.uirr, cpu.event_at) == (None, 0, NEVER)
    wrmsr(cpu, 0x808, 0xD0)
    assert cpu.event_at == 0
    assert interrupts.accept(cpu) is None
    assert cpu.uintr.uirr == 1


def test_with_if_clear_ring_3_is_not_interrupted() -> None:
    cpu = receiver(1)
    cpu.tid = 1
    cpu.registers["rflags"] = 2
    cpu.apic.request(UINV)
    assert (interrupts.accept(cpu), cpu.apic.irr) == (None, 1 << UINV)
    assert cpu.clock < cpu.event_at < NEVER  # looked at again later
    cpu.registers["rflags"] = 0x202
    interrupts.accept(cpu)
    assert cpu.uintr.uirr == 1


def test_notification_comes_before_lower_vectors_and_does_not_hide_them() -> None:
    cpu = receiver(1 << 3)
    cpu.apic.request(0x30)
    cpu.apic.request(UINV)
    assert interrupts.accept(cpu) == 0x30
    assert cpu.uintr.uirr == 1 << 3


# -- forwarding of ordinary vectors (xUI) -------------------------------------------------------------------------


@pytest.mark.parametrize("vector", [16, 0x31, 0xEB, 255])
def test_an_enabled_and_active_vector_goes_straight_to_uirr_and_the_upid_is_left_alone(vector: int) -> None:
    cpu = receiver(1 << 8)
    before = peek(cpu, UPID, 64)
    cpu.apic.forwarding_enabled = cpu.apic.forwarding_active = 1 << vector
    cpu.apic.user_vector[vector] = 33
    cpu.apic.request(vector)
    assert interrupts.accept(cpu) is None
    assert cpu.uintr.uirr == 1 << 33
    assert (cpu.apic.irr, cpu.apic.isr, peek(cpu, UPID, 64)) == (0, 0, before)


@pytest.mark.parametrize(("enabled", "active", "cr4"), [(0, 1, True), (1, 0, True), (0, 0, True), (1, 1, False)])
def test_otherwise_the_kernel_gets_it(enabled: int, active: int, cr4: bool) -> None:
    cpu = receiver()
    cpu.cr4_uintr = cr4
    cpu.apic.forwarding_enabled, cpu.apic.forwarding_active = enabled << 0x40, active << 0x40
    cpu.apic.request(0x40)
    assert interrupts.accept(cpu) == 0x40
    assert cpu.uintr.uirr == 0


def test_two_vectors_mapped_to_one_user_vector_are_one_user_interrupt() -> None:
    cpu = receiver()
    cpu.apic.forwarding_enabled = cpu.apic.forwarding_active = 0b11 << 0x40
    cpu.apic.user_vector[0x40] = cpu.apic.user_vector[0x41] = 5
    cpu.apic.request(0x40)
    cpu.apic.request(0x41)
    assert interrupts.accept(cpu) is None
    assert cpu.uintr.uirr == 1 << 5


@given(requested=st.sets(st.integers(16, 255), max_size=20), enabled=st.integers(0, (1 << 256) - 1),
       active=st.integers(0, (1 << 256) - 1), pir=st.integers(0, (1 << 64) - 1))  # fmt: skip
def test_every_vector_goes_exactly_one_way(requested: set[int], enabled: int, active: int, pir: int) -> None:
    cpu = SHARED
    cpu.uintr.uirr = cpu.apic.irr = cpu.apic.isr = 0
    cpu.apic.forwarding_enabled, cpu.apic.forwarding_active = enabled, active
    poke(cpu, UPID, Upid(on=True, nv=UINV, pir=pir).pack())
    for vector in requested:
        cpu.apic.request(vector)
    kernel = []
    while (found := interrupts.accept(cpu)) is not None:
        kernel.append(found)
        cpu.apic.eoi()
    forwarded = {vector for vector in requested if enabled & active & 1 << vector and vector != UINV}
    assert kernel == sorted(requested - forwarded - {UINV}, reverse=True)
    expected = pir if UINV in requested else 0
    for vector in forwarded:
        expected |= 1 << vector % 64
    assert cpu.uintr.uirr == expected
    assert (cpu.apic.irr, cpu.apic.isr) == (0, 0)


SHARED = receiver()

# -- the kernel-bypass timer (xUI) --------------------------------------------------------------------------------


def timed(**fields: int) -> Cpu:
    (cpu,) = cores()
    cpu.kb_timer = KbTimer(enabled=True, user_vector=21, **fields)
    return cpu


@pytest.mark.parametrize(("extension", "periodic"), [(4, False), (5, True)])
@pytest.mark.parametrize("number", [0, 4, 8, 15])
def test_settimer_arms_and_its_expiry_sets_uirr(extension: int, periodic: bool, number: int) -> None:
    cpu = timed()
    cpu.registers["rip"], cpu.registers[REGISTERS_64[number]] = 0x1000, 500
    code = bytes([0xF3, 0x40 | number >> 3, 0x0F, 0xC7, 0xC0 | extension << 3 | number & 7])
    found = insns.find(code)
    assert found is not None
    assert found.execute(cpu, found.length) is None
    due = cpu.clock + 500
    assert (cpu.registers["rip"], cpu.event_at, rdmsr(cpu, 0x991)) == (0x1005, due, due)
    cpu.wait_until(due - 1)
    interrupts.accept(cpu)
    assert cpu.uintr.uirr == 0
    cpu.wait_until(due)
    assert interrupts.accept(cpu) is None
    assert cpu.uintr.uirr == 1 << 21
    assert cpu.event_at == (due + 500 if periodic else NEVER)


def test_settimer_with_0_disarms() -> None:
    cpu = timed(deadline=1000, period=1000)
    cpu.registers["rax"] = 0
    assert settimer.execute(cpu, 4, 0, periodic=True) is None
    assert (cpu.kb_timer.deadline, cpu.kb_timer.period, cpu.event_at) == (0, 0, NEVER)


@pytest.mark.parametrize(("cr4", "enabled"), [(False, True), (True, False)])
def test_settimer_is_ud_unless_the_kernel_enabled_it(cr4: bool, enabled: bool) -> None:
    cpu = timed()
    cpu.cr4_uintr, cpu.kb_timer.enabled = cr4, enabled
    cpu.registers["rax"] = 5
    rip = cpu.registers["rip"]
    assert settimer.execute(cpu, 4, 0, periodic=False) == Trap(UD)
    assert (cpu.kb_timer.deadline, cpu.registers["rip"], cpu.clock) == (0, rip, 0)


def test_periods_missed_while_the_thread_was_away_become_one() -> None:
    cpu = timed(deadline=100, period=100)
    cpu.wait_until(555)
    cpu.plan()
    interrupts.accept(cpu)
    assert (cpu.uintr.uirr, cpu.kb_timer.deadline) == (1 << 21, 600)


def test_a_disabled_timer_keeps_its_deadline_and_does_not_expire() -> None:
    cpu = timed(deadline=100)
    assert wrmsr(cpu, 0x990, 21) is None
    cpu.wait_until(1000)
    interrupts.accept(cpu)
    assert (cpu.uintr.uirr, cpu.kb_timer.deadline, cpu.event_at) == (0, 100, NEVER)
    assert wrmsr(cpu, 0x990, 21 | 1 << 31) is None
    assert cpu.event_at == 100
