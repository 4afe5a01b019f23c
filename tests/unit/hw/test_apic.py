"""The local APIC beside its manual: priorities, EOI, the ICR's destinations, registers of both modes, errors."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import apic_regs as reg
from pffemu.arch import msrs
from pffemu.arch.exceptions import GP
from pffemu.hw import interrupts
from pffemu.hw.apic_access import ApicPage
from pffemu.hw.cpu import Cpu
from pffemu.hw.local_apic import LocalApic
from pffemu.hw.msrs import rdmsr, wrmsr
from pffemu.hw.trap import Trap
from tests.unit.hw.cores import cores, msr_of, run_arrivals

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1


def enabled_apic() -> LocalApic:
    return LocalApic(svr=reg.SVR_ENABLE | 0xFF)


# -- requests, priorities, EOI ---------------------------------------------------------------------------------------


def test_the_highest_vector_comes_first_and_a_class_in_service_holds_back_its_own_and_lower_ones() -> None:
    apic = enabled_apic()
    for vector in (0x31, 0x45, 0x52, 0x5F):
        apic.request(vector)
    assert apic.acknowledge() == 0x5F
    assert apic.ppr == 0x50
    assert apic.deliverable() is None  # 0x52 is of the same class
    apic.request(0x60)
    assert apic.acknowledge() == 0x60  # nested
    apic.eoi()
    assert apic.isr == 1 << 0x5F
    apic.eoi()
    assert [apic.acknowledge()] == [0x52]
    apic.eoi()
    assert apic.acknowledge() == 0x45
    apic.eoi()
    assert apic.acknowledge() == 0x31
    apic.eoi()
    assert (apic.irr, apic.isr) == (0, 0)
    apic.eoi()  # nothing in service: no effect


@pytest.mark.parametrize(("tpr", "vector", "passes"), [
    (0x00, 0x10, True), (0x10, 0x1F, False), (0x1F, 0x20, True), (0xF0, 0xFF, False), (0xEF, 0xF0, True),
])  # fmt: skip
def test_tpr_holds_back_its_class_and_below(tpr: int, vector: int, passes: bool) -> None:
    apic = enabled_apic()
    apic.tpr = tpr
    apic.request(vector)
    assert apic.deliverable() == (vector if passes else None)


@pytest.mark.parametrize(("tpr", "isr", "ppr"), [
    (0x25, 0, 0x25), (0x25, 0x31, 0x30), (0x25, 0x2F, 0x25), (0x35, 0x2F, 0x35), (0, 0xEC, 0xE0), (0, 0, 0),
])  # fmt: skip
def test_ppr_is_tpr_or_the_class_in_service(tpr: int, isr: int, ppr: int) -> None:
    apic = enabled_apic()
    apic.tpr, apic.isr = tpr, 1 << isr if isr else 0
    assert apic.ppr == ppr


@given(vectors=st.lists(st.integers(16, 255), max_size=60))
def test_every_request_is_served_once_and_in_order_of_priority(vectors: list[int]) -> None:
    apic = enabled_apic()
    for vector in vectors:
        apic.request(vector)
    served = []
    while apic.deliverable() is not None:
        served.append(apic.acknowledge())
        apic.eoi()
    assert served == sorted(set(vectors), reverse=True)
    assert (apic.irr, apic.isr) == (0, 0)


def test_a_vector_may_be_requested_again_while_it_is_in_service() -> None:
    apic = enabled_apic()
    apic.request(0x40)
    apic.acknowledge()
    apic.request(0x40)
    assert apic.deliverable() is None
    apic.eoi()
    assert apic.acknowledge() == 0x40


def test_a_software_disabled_apic_takes_no_request() -> None:
    apic = LocalApic()
    apic.request(0x40)
    assert apic.irr == 0


@pytest.mark.parametrize("vector", range(16))
def test_an_illegal_vector_is_an_error_not_a_request(vector: int) -> None:
    apic = enabled_apic()
    apic.request(vector)
    assert (apic.irr, apic.errors) == (0, reg.ESR_RECEIVED_ILLEGAL_VECTOR)


# -- registers of the page ---------------------------------------------------------------------------------------------


def page(cpu: Cpu) -> ApicPage:
    return ApicPage(cpu)


@pytest.mark.parametrize(("offset", "written", "read"), [
    (reg.ID, MASK32, 3 << 24), (reg.VERSION, MASK32, 0x60014), (reg.TPR, MASK32, 0xFF), (reg.APR, MASK32, 0),
    (reg.RRD, 1, 0), (reg.LDR, MASK32, 0xFF00_0000), (reg.DFR, 0, 0x0FFF_FFFF), (reg.SVR, MASK32, 0x3FF),
    (reg.ESR, MASK32, 0), (reg.ICR_HIGH, MASK32, 0xFF00_0000), (reg.LVT_CMCI, MASK32, 0x1_07FF),
    (reg.LVT_TIMER, MASK32, 0x7_00FF), (reg.LVT_THERMAL, MASK32, 0x1_07FF), (reg.LVT_PERFORMANCE, MASK32, 0x1_07FF),
    (reg.LVT_LINT0, MASK32, 0x1_A7FF), (reg.LVT_LINT1, MASK32, 0x1_A7FF), (reg.LVT_ERROR, MASK32, 0x1_00FF),
    (reg.TIMER_DIVIDE, MASK32, 0xB), (reg.VECTOR_MAP_INDEX, MASK32, 0xFF),
])  # fmt: skip
def test_what_a_store_of_every_bit_leaves(offset: int, written: int, read: int) -> None:
    cpu = cores(4, x2apic=False)[3]
    page(cpu).write(offset, 4, written)
    assert page(cpu).read(offset, 4) == read
    assert cpu.apic.errors == 0


@pytest.mark.parametrize("offset", [0x00, 0x10, 0x40, 0x70, 0x290, 0x2E0, 0x3A0, 0x3D0, 0x3F0, 0x400, 0x5F0, 0x720,
                                    0xFF0])  # fmt: skip
def test_a_reserved_offset_reads_0_and_sets_esrs_illegal_register_bit(offset: int) -> None:
    (cpu,) = cores(x2apic=False)
    assert page(cpu).read(offset, 4) == 0
    page(cpu).write(offset, 4, 1)
    assert page(cpu).read(reg.ESR, 4) == 0  # not before ESR is written
    page(cpu).write(reg.ESR, 4, 0)
    assert page(cpu).read(reg.ESR, 4) == reg.ESR_ILLEGAL_REGISTER
    page(cpu).write(reg.ESR, 4, 0)
    assert page(cpu).read(reg.ESR, 4) == 0


@pytest.mark.parametrize(("offset", "size"), [(reg.TPR, 1), (reg.TPR, 2), (reg.TPR, 8), (reg.TPR + 4, 4)])
def test_other_sizes_and_alignments_read_0_and_do_nothing(offset: int, size: int) -> None:
    (cpu,) = cores(x2apic=False)
    cpu.apic.tpr = 0x30
    page(cpu).write(offset, size, 0xFF)
    assert page(cpu).read(offset, size) == 0
    assert cpu.apic.tpr == 0x30


@pytest.mark.parametrize("mode", ["x2apic", "disabled"])
def test_nobody_answers_at_the_page_in_x2apic_mode_or_when_disabled(mode: str) -> None:
    (cpu,) = cores(x2apic=mode == "x2apic")
    if mode == "disabled":
        cpu.apic.enabled = False
    page(cpu).write(reg.TPR, 4, 0x20)
    assert page(cpu).read(reg.TPR, 4) == MASK32
    assert cpu.apic.tpr == 0


def test_irr_isr_and_tmr_lie_in_banks_of_32_vectors() -> None:
    (cpu,) = cores(x2apic=False)
    cpu.apic.irr, cpu.apic.isr, cpu.apic.tmr = 1 << 0xEC, 1 << 0x31, 1 << 0xFF
    for bank, vector in ((reg.IRR, 0xEC), (reg.ISR, 0x31), (reg.TMR, 0xFF)):
        words = [page(cpu).read(bank + 16 * i, 4) for i in range(8)]
        assert words == [1 << vector % 32 if i == vector // 32 else 0 for i in range(8)]
        page(cpu).write(bank, 4, MASK32)
        assert page(cpu).read(bank, 4) == 0  # read-only


def test_software_disabling_masks_every_lvt_entry_and_keeps_them_masked() -> None:
    (cpu,) = cores(x2apic=False)
    entries = (reg.LVT_CMCI, reg.LVT_TIMER, reg.LVT_THERMAL, reg.LVT_PERFORMANCE, reg.LVT_LINT0, reg.LVT_ERROR)
    for offset in entries:
        page(cpu).write(offset, 4, 0x40)
    page(cpu).write(reg.SVR, 4, 0xFF)
    assert all(page(cpu).read(offset, 4) & reg.LVT_MASKED for offset in entries)
    for offset in entries:
        page(cpu).write(offset, 4, 0x40)
        assert page(cpu).read(offset, 4) == 0x40 | reg.LVT_MASKED


def test_the_error_interrupt_is_raised_through_its_lvt_entry() -> None:
    (cpu,) = cores(x2apic=False)
    page(cpu).write(reg.LVT_ERROR, 4, 0xFE)
    page(cpu).read(0x40, 4)
    assert cpu.apic.irr == 1 << 0xFE


# -- x2APIC MSRs -------------------------------------------------------------------------------------------------------


def test_the_x2apic_registers_that_are_and_those_that_are_gp() -> None:
    (cpu,) = cores()
    readable = {msr for msr in range(0x800, 0x900) if not isinstance(rdmsr(cpu, msr), Trap)}
    banks = {msr_of(bank + 16 * i) for bank in (reg.ISR, reg.TMR, reg.IRR) for i in range(8)}
    forwarding = {*range(0x860, 0x870), 0x870, 0x871}
    single = {0x802, 0x803, 0x808, 0x80A, 0x80D, 0x80F, 0x828, 0x82F, 0x830, *range(0x832, 0x83A), 0x83E}
    assert readable == single | banks | forwarding
    writable = {msr for msr in range(0x800, 0x900) if wrmsr(cpu, msr, 0) is None}
    assert writable == (single - {0x802, 0x803, 0x80A, 0x80D, 0x839}) | {0x80B, 0x83F} | forwarding


@pytest.mark.parametrize(("msr", "value"), [
    (0x808, 0x100), (0x80B, 1), (0x80F, 0x200), (0x828, 1), (0x82F, 0x800), (0x832, 1 << 19), (0x837, 1 << 17),
    (0x83E, 4), (0x83F, 0x100), (0x830, 1 << 12), (0x830, 1 << 20), (0x838, 1 << 32), (0x870, 0x100), (0x871, 64),
    (0x860, 1 << 32),
])  # fmt: skip
def test_reserved_bits_of_an_x2apic_write_are_gp(msr: int, value: int) -> None:
    (cpu,) = cores()
    before = rdmsr(cpu, msr)
    assert wrmsr(cpu, msr, value) == Trap(GP)
    assert rdmsr(cpu, msr) == before


def test_in_xapic_mode_every_x2apic_msr_is_gp() -> None:
    (cpu,) = cores(x2apic=False)
    assert all(rdmsr(cpu, msr) == wrmsr(cpu, msr, 0) == Trap(GP) for msr in range(0x800, 0x900))


@pytest.mark.parametrize("apic_id", [0, 1, 15, 16, 63])
def test_the_x2apic_logical_id_is_derived_from_the_id(apic_id: int) -> None:
    cpu = cores(64)[apic_id]
    assert rdmsr(cpu, 0x802) == apic_id
    assert rdmsr(cpu, 0x80D) == apic_id // 16 << 16 | 1 << apic_id % 16


# -- interprocessor interrupts -----------------------------------------------------------------------------------------


def reached(made: list[Cpu], vector: int) -> list[int]:
    for cpu in made:
        run_arrivals(cpu)
    return [cpu.index for cpu in made if cpu.apic.irr >> vector & 1]


@pytest.mark.parametrize(("icr", "targets"), [
    (2 << 32 | 0x40, [2]), (0 << 32 | 0x40, [0]), (99 << 32 | 0x40, []), (0xFFFF_FFFF << 32 | 0x40, [0, 1, 2, 3]),
    (1 << 18 | 0x40, [0]), (2 << 18 | 0x40, [0, 1, 2, 3]), (3 << 18 | 0x40, [1, 2, 3]),
    (0b1010 << 32 | reg.ICR_LOGICAL | 0x40, [1, 3]), (1 << 48 | 1 << 32 | reg.ICR_LOGICAL | 0x40, []),
    (0b1010 << 32 | reg.ICR_LOGICAL | 1 << 8 | 0x40, [1]),  # lowest priority: one of them
    (2 << 32 | 5 << 8 | 0x40, []), (2 << 32 | 6 << 8 | 0x40, []), (2 << 32 | 2 << 8 | 0x40, []),  # INIT, SIPI, SMI
])  # fmt: skip
def test_the_x2apic_icrs_destinations(icr: int, targets: list[int]) -> None:
    made = cores(4)
    assert wrmsr(made[0], 0x830, icr) is None
    assert reached(made, 0x40) == targets
    assert rdmsr(made[0], 0x830) == icr


@pytest.mark.parametrize(("dfr", "destination", "low", "targets"), [
    (0xF, 2, 0x40, [2]), (0xF, 0xFF, 0x40, [0, 1, 2, 3]), (0xF, 6, 0x840, [1, 2]), (0xF, 0xFF, 0x840, [0, 1, 2, 3]),
    (0xF, 0, 0x840, []), (0, 0x03, 0x840, [0, 1]), (0, 0x13, 0x840, [2, 3]), (0, 0x12, 0x840, [3]),
    (0, 0xFF, 0x840, [0, 1, 2, 3]), (0xF, 1, 0xC_0040, [1, 2, 3]),
])  # fmt: skip
def test_the_xapic_icrs_destinations_flat_and_cluster(dfr: int, destination: int, low: int, targets: list[int]) -> None:
    made = cores(4, x2apic=False)
    for cpu in made:
        page(cpu).write(reg.DFR, 4, dfr << 28 | 0x0FFF_FFFF)
        logical = 1 << cpu.index if dfr else (cpu.index // 2) << 4 | 1 << cpu.index % 2
        page(cpu).write(reg.LDR, 4, logical << 24)
    page(made[0]).write(reg.ICR_HIGH, 4, destination << 24)
    assert reached(made, 0x40) == []
    page(made[0]).write(reg.ICR, 4, low)
    assert reached(made, 0x40) == targets
    assert page(made[0]).read(reg.ICR, 4) == low  # delivery status: idle


def test_lowest_priority_goes_to_the_core_with_the_lowest_ppr() -> None:
    made = cores(4)
    for cpu, tpr in zip(made, (0x50, 0x20, 0x10, 0x10), strict=True):
        cpu.apic.tpr = tpr
    wrmsr(made[0], 0x830, 2 << 18 | 1 << 8 | 0x60)
    assert reached(made, 0x60) == [2]


def test_lowest_priority_passes_software_disabled_apics_by() -> None:
    made = cores(3)
    for cpu in made[:2]:
        wrmsr(cpu, 0x80F, 0xFF)
    made[2].apic.tpr = 0x50
    wrmsr(made[0], 0x830, 2 << 18 | 1 << 8 | 0x60)
    assert [len(cpu.arrivals) for cpu in made] == [0, 0, 1]
    wrmsr(made[2], 0x80F, 0xFF)
    wrmsr(made[0], 0x830, 2 << 18 | 1 << 8 | 0x60)
    assert [len(cpu.arrivals) for cpu in made] == [0, 0, 1]


def test_a_software_disabled_apic_sends_takes_nmis_and_keeps_what_is_pending() -> None:
    sender, target = cores(2)
    target.apic.request(0x40)
    for cpu in (sender, target):
        wrmsr(cpu, 0x80F, 0xFF)
    wrmsr(sender, 0x830, 1 << 32 | 0x50)
    wrmsr(sender, 0x830, 1 << 32 | 4 << 8)
    run_arrivals(target)
    assert (target.apic.irr, target.apic.nmi) == (1 << 0x40, True)
    assert [interrupts.accept(target), interrupts.accept(target)] == [2, 0x40]


def test_a_globally_disabled_apic_is_nobodys_destination() -> None:
    made = cores(3)
    wrmsr(made[2], msrs.IA32_APIC_BASE, 0xFEE0_0000)
    for destination in (2, MASK32):
        wrmsr(made[0], 0x830, destination << 32 | 0x40)
    wrmsr(made[0], 0x830, 3 << 18 | 4 << 8)
    assert [len(cpu.arrivals) for cpu in made] == [1, 2, 0]


def test_an_nmi_reaches_the_kernel_as_vector_2_past_irr_and_tpr() -> None:
    sender, target = cores(2)
    target.apic.tpr = 0xFF
    wrmsr(sender, 0x830, 1 << 32 | 4 << 8)
    target.wait_until(target.event_at)
    assert interrupts.accept(target) == 2
    assert interrupts.accept(target) is None
    assert (target.apic.irr, target.apic.isr) == (0, 0)


@pytest.mark.parametrize("vector", [0, 15])
def test_sending_an_illegal_vector_is_an_error_of_the_sender(vector: int) -> None:
    sender, target = cores(2)
    wrmsr(sender, 0x830, 1 << 32 | vector)
    wrmsr(sender, 0x83F, vector)
    wrmsr(sender, 0x828, 0)
    assert rdmsr(sender, 0x828) == reg.ESR_SEND_ILLEGAL_VECTOR
    assert not target.arrivals
    assert not sender.arrivals


def test_the_lowest_vector_is_sent() -> None:
    sender, target = cores(2)
    wrmsr(sender, 0x830, 1 << 32 | reg.LOWEST_VECTOR)
    wrmsr(sender, 0x83F, reg.LOWEST_VECTOR)
    wrmsr(sender, 0x828, 0)
    assert rdmsr(sender, 0x828) == 0
    assert [arrival.vector for core in (sender, target) for arrival in core.arrivals] == [16, 16]


def test_self_ipi_is_there_at_once_and_an_ipi_to_another_takes_its_latency() -> None:
    sender, target = cores(2)
    sender.wait_until(1000)
    wrmsr(sender, 0x83F, 0x41)
    wrmsr(sender, 0x830, 1 << 32 | 0x42)
    assert (sender.event_at, target.event_at) == (1000, 1000 + sender.cycles_of("cpu.ipi.flight"))
    assert interrupts.accept(sender) == 0x41
    target.wait_until(target.event_at - 1)
    assert interrupts.accept(target) is None
    target.wait_until(target.event_at)
    assert interrupts.accept(target) == 0x42


def test_a_target_that_is_further_on_takes_it_at_its_own_clock() -> None:
    sender, target = cores(2)
    target.wait_until(50_000)
    wrmsr(sender, 0x830, 1 << 32 | 0x42)
    assert interrupts.accept(target) == 0x42
    assert target.clock == 50_000


def test_messages_arrive_in_the_order_of_their_times_then_of_sending() -> None:
    made = cores(3)
    made[1].wait_until(500)
    for cpu, vector in ((made[1], 0x50), (made[0], 0x30), (made[0], 0x60)):
        wrmsr(cpu, 0x830, 2 << 32 | vector)
    assert [arrival.vector for arrival in made[2].arrivals] == [0x30, 0x60, 0x50]
    assert all(early.time <= late.time for early, late in pairwise(made[2].arrivals))


# -- fuzz --------------------------------------------------------------------------------------------------------------

accesses = st.tuples(
    st.sampled_from(("load", "store", "rdmsr", "wrmsr", "base", "idle")),
    st.integers(0, 0xFFF) | st.integers(0, 0xFF).map(lambda i: 16 * i),
    st.sampled_from((1, 2, 4, 8)),
    st.integers(0, MASK64) | st.integers(0, 0xFF) | st.integers(0, MASK32),
)


@given(steps=st.lists(accesses, max_size=40), x2apic=st.booleans())
def test_no_sequence_of_accesses_raises_or_leaves_the_registers_ranges(
    steps: list[tuple[str, int, int, int]], x2apic: bool
) -> None:
    made = cores(2, x2apic=x2apic)
    for number, (kind, offset, size, value) in enumerate(steps):
        cpu = made[number % 2]
        match kind:
            case "load":
                assert 0 <= page(cpu).read(offset, size) < 1 << 8 * size
            case "store":
                page(cpu).write(offset, size, value & (1 << 8 * size) - 1)
            case "rdmsr":
                read = rdmsr(cpu, 0x800 + offset % 256)
                assert read == Trap(GP) or (isinstance(read, int) and 0 <= read <= MASK64)
            case "wrmsr":
                assert wrmsr(cpu, 0x800 + offset % 256, value) in (None, Trap(GP))
            case "base":
                wrmsr(cpu, msrs.IA32_APIC_BASE, 0xFEE0_0000 | value & 0xC00 | (0x100 if cpu.index == 0 else 0))
            case "idle":
                cpu.wait_until(cpu.clock + value % 100_000)
                found = interrupts.accept(cpu)
                assert found is None or (isinstance(found, int) and (found == 2 or found >= 16))
        apic = cpu.apic
        assert all(0 <= bits < 1 << 256 for bits in (apic.irr, apic.isr, apic.tmr, apic.forwarding_active))
        assert (apic.irr | apic.isr) & 0xFFFF == 0
        assert all(0 <= vector < 64 for vector in apic.user_vector)
