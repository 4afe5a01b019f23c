"""The APIC timer on virtual time: one-shot, periodic, TSC-deadline; and expiries that the core did not take in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import apic_regs as reg
from pffemu.hw import interrupts
from pffemu.hw.cpu import Cpu
from pffemu.hw.interconnect import NEVER
from pffemu.hw.msrs import rdmsr, wrmsr
from tests.unit.hw.cores import cores

LVT, INITIAL, CURRENT, DIVIDE, EOI, DEADLINE = 0x832, 0x838, 0x839, 0x83E, 0x80B, 0x6E0
VECTOR = 0x40
BY_1 = 0b1011


def core(mode: int, divide: int = BY_1) -> Cpu:
    (cpu,) = cores()
    wrmsr(cpu, DIVIDE, divide)
    wrmsr(cpu, LVT, mode << reg.LVT_TIMER_MODE_SHIFT | VECTOR)
    return cpu


def interrupts_until(cpu: Cpu, end: int) -> list[int]:
    """The clocks at which the vector is taken, each with its EOI, for a core that idles till then."""
    times = []
    while cpu.event_at <= end:
        cpu.wait_until(cpu.event_at)
        vector = interrupts.accept(cpu)
        if vector is not None:
            assert vector == VECTOR
            times.append(cpu.clock)
            wrmsr(cpu, EOI, 0)
    cpu.wait_until(end)
    return times


@pytest.mark.parametrize(("code", "divisor"), [
    (0b0000, 2), (0b0001, 4), (0b0010, 8), (0b0011, 16), (0b1000, 32), (0b1001, 64), (0b1010, 128), (0b1011, 1),
])  # fmt: skip
def test_one_shot_fires_once_after_initial_count_times_the_divisor(code: int, divisor: int) -> None:
    cpu = core(reg.TIMER_ONE_SHOT, code)
    wrmsr(cpu, INITIAL, 100)
    assert cpu.event_at == 100 * divisor
    assert interrupts_until(cpu, 100_000) == [100 * divisor]
    assert rdmsr(cpu, CURRENT) == 0
    assert cpu.event_at == NEVER


def test_periodic_fires_every_period() -> None:
    cpu = core(reg.TIMER_PERIODIC)
    wrmsr(cpu, INITIAL, 250)
    assert interrupts_until(cpu, 1100) == [250, 500, 750, 1000]
    wrmsr(cpu, INITIAL, 0)
    assert interrupts_until(cpu, 5000) == []


def test_expiries_nobody_could_take_become_one_and_the_beat_stays() -> None:
    cpu = core(reg.TIMER_PERIODIC)
    wrmsr(cpu, INITIAL, 100)
    cpu.wait_until(570)
    assert interrupts.accept(cpu) == VECTOR
    wrmsr(cpu, EOI, 0)
    assert interrupts_until(cpu, 700) == [600, 700]


def test_tsc_deadline_fires_at_that_tsc_and_reads_0_afterwards() -> None:
    cpu = core(reg.TIMER_TSC_DEADLINE)
    wrmsr(cpu, DEADLINE, 777)
    assert rdmsr(cpu, DEADLINE) == 777
    assert interrupts_until(cpu, 2000) == [777]
    assert rdmsr(cpu, DEADLINE) == 0


def test_a_deadline_in_the_past_fires_at_once_and_0_disarms() -> None:
    cpu = core(reg.TIMER_TSC_DEADLINE)
    cpu.wait_until(5000)
    wrmsr(cpu, DEADLINE, 5001)
    wrmsr(cpu, DEADLINE, 0)
    assert cpu.event_at == NEVER
    wrmsr(cpu, DEADLINE, 10)
    assert interrupts_until(cpu, 6000) == [5000]


def test_the_two_ways_of_arming_ignore_each_other() -> None:
    cpu = core(reg.TIMER_TSC_DEADLINE)
    wrmsr(cpu, INITIAL, 100)
    assert (rdmsr(cpu, INITIAL), rdmsr(cpu, CURRENT), cpu.event_at) == (0, 0, NEVER)
    cpu = core(reg.TIMER_ONE_SHOT)
    wrmsr(cpu, DEADLINE, 100)
    assert (rdmsr(cpu, DEADLINE), cpu.event_at) == (0, NEVER)


@pytest.mark.parametrize(("old", "new"), [(0, 2), (1, 2), (2, 0), (2, 1)])
def test_switching_to_or_from_deadline_mode_disarms(old: int, new: int) -> None:
    cpu = core(old)
    wrmsr(cpu, DEADLINE if old == 2 else INITIAL, 1000)
    wrmsr(cpu, LVT, new << 17 | VECTOR)
    assert (cpu.event_at, rdmsr(cpu, INITIAL), rdmsr(cpu, DEADLINE)) == (NEVER, 0, 0)


def test_a_masked_timer_counts_but_interrupts_nobody() -> None:
    cpu = core(reg.TIMER_PERIODIC)
    wrmsr(cpu, LVT, 1 << 17 | reg.LVT_MASKED | VECTOR)
    wrmsr(cpu, INITIAL, 100)
    assert cpu.event_at == NEVER
    cpu.wait_until(230)
    assert rdmsr(cpu, CURRENT) == 70
    wrmsr(cpu, LVT, 1 << 17 | VECTOR)
    assert interrupts_until(cpu, 400) == [300, 400]


def test_a_one_shot_that_ran_out_while_masked_is_lost() -> None:
    cpu = core(reg.TIMER_ONE_SHOT)
    wrmsr(cpu, INITIAL, 100)
    wrmsr(cpu, LVT, reg.LVT_MASKED | VECTOR)
    cpu.wait_until(500)
    wrmsr(cpu, LVT, VECTOR)
    assert interrupts_until(cpu, 1000) == []


@pytest.mark.parametrize(
    ("clock", "left"), [(0, 10), (1, 10), (15, 10), (16, 9), (80, 5), (159, 1), (160, 0), (999, 0)]
)
def test_the_current_count_goes_down_by_one_every_divisor_cycles(clock: int, left: int) -> None:
    cpu = core(reg.TIMER_ONE_SHOT, 0b0011)
    wrmsr(cpu, INITIAL, 10)
    cpu.wait_until(clock)
    assert rdmsr(cpu, CURRENT) == left


def test_another_divisor_takes_over_the_count_that_is_left() -> None:
    cpu = core(reg.TIMER_ONE_SHOT)
    wrmsr(cpu, INITIAL, 1000)
    cpu.wait_until(400)
    wrmsr(cpu, DIVIDE, 0b0000)  # by 2
    assert rdmsr(cpu, CURRENT) == 600
    assert cpu.event_at == 400 + 1200


def test_an_interrupt_in_service_holds_the_next_one_back_until_its_eoi() -> None:
    cpu = core(reg.TIMER_PERIODIC)
    wrmsr(cpu, INITIAL, 100)
    cpu.wait_until(100)
    assert interrupts.accept(cpu) == VECTOR
    cpu.wait_until(320)
    assert interrupts.accept(cpu) is None
    wrmsr(cpu, EOI, 0)
    assert interrupts.accept(cpu) == VECTOR


steps = st.lists(
    st.tuples(st.sampled_from((LVT, INITIAL, DIVIDE, DEADLINE)), st.integers(0, 7), st.integers(0, 3000)), max_size=30
)


@given(steps=steps)
def test_no_sequence_of_writes_lets_the_timer_fall_behind_or_run_ahead(steps: list[tuple[int, int, int]]) -> None:
    (cpu,) = cores()
    for msr, small, big in steps:
        value = {LVT: (small % 3) << 17 | (small & 4) << 14 | VECTOR, DIVIDE: small & 3 | (small & 4) << 1}.get(
            msr, big
        )
        assert wrmsr(cpu, msr, value) is None
        before = cpu.clock
        times = interrupts_until(cpu, before + big % 500)
        assert all(before <= time <= cpu.clock for time in times)
        assert cpu.event_at > cpu.clock or cpu.event_at == NEVER
        current = rdmsr(cpu, CURRENT)
        assert isinstance(current, int)
        assert 0 <= current <= cpu.apic.timer.initial or msr == DIVIDE
