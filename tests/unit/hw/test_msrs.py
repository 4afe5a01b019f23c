"""RDMSR, WRMSR and the XSAVE image: fields, reserved bits, canonical addresses, what is #GP."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import msrs
from pffemu.arch.exceptions import GP
from pffemu.hw.cpu import UintrState
from pffemu.hw.local_apic import LocalApic
from pffemu.hw.msrs import rdmsr, wrmsr
from pffemu.hw.trap import Trap
from pffemu.hw.xsave import xrstors, xsaves
from tests.unit.hw.cores import apic_base, cores

MASK = (1 << 64) - 1
HIGH = 0xFFFF_8000_0000_0000
NOT_CANONICAL = (1 << 47, HIGH - 1, 1 << 63)
UINTR = range(0x985, 0x98B)


def test_the_numbers_are_intels() -> None:
    names = ("RR", "HANDLER", "STACKADJUST", "MISC", "PD", "TT")
    assert [getattr(msrs, f"IA32_UINTR_{name}") for name in names] == list(UINTR)


@pytest.mark.parametrize("cr4", [False, True])
@pytest.mark.parametrize(
    ("msr", "value"),
    [
        (0x985, MASK),
        (0x985, 0),
        (0x986, 0x7FFF_FFFF_FFFF),
        (0x986, HIGH),
        (0x987, 128),
        (0x987, 0x7FFF_0001),
        (0x988, 0xFF_FFFF_FFFF),
        (0x989, 0x1000),
        (0x989, HIGH | 0x40),
        (0x98A, 0x1000 | 1),
        (0x98A, HIGH | 0x10),
    ],
)
def test_what_is_written_is_read_back_whatever_cr4_uintr_is(cr4: bool, msr: int, value: int) -> None:
    (cpu,) = cores()
    cpu.cr4_uintr = cr4
    assert wrmsr(cpu, msr, value) is None
    assert rdmsr(cpu, msr) == value


@pytest.mark.parametrize(
    ("msr", "value"),
    [
        *((msr, value) for msr in (0x986, 0x987, 0x989, 0x98A) for value in NOT_CANONICAL),
        *((0x988, 1 << bit) for bit in range(40, 64)),
        *((0x989, 0x1000 | 1 << bit) for bit in range(6)),
        *((0x98A, 0x1000 | 1 << bit) for bit in (1, 2, 3)),
        *((0x990, 1 << bit) for bit in (*range(6, 31), *range(32, 64))),
    ],
)
def test_gp_and_nothing_changed_for_reserved_bits_and_addresses_that_are_none(msr: int, value: int) -> None:
    (cpu,) = cores()
    before = rdmsr(cpu, msr)
    assert wrmsr(cpu, msr, value) == Trap(GP)
    assert rdmsr(cpu, msr) == before


def test_the_fields_of_misc_and_tt() -> None:
    (cpu,) = cores()
    wrmsr(cpu, 0x988, 0xEC << 32 | 255)
    wrmsr(cpu, 0x98A, 0x5000 | 1)
    state = cpu.uintr
    assert (state.uinv, state.uittsz, state.uittaddr, state.uitt_enabled) == (0xEC, 255, 0x5000, True)


@pytest.mark.parametrize("msr", [0, 0x984, 0x98B, 0x993, 0x7FF, 0x900, 0x1B00, 0xC000_0080, 1 << 40])
def test_an_msr_this_machine_does_not_have_is_gp(msr: int) -> None:
    (cpu,) = cores()
    assert rdmsr(cpu, msr) == wrmsr(cpu, msr, 0) == Trap(GP)


@given(msr=st.sampled_from([*UINTR, *range(0x800, 0x900), 0x1B, 0x6E0, 0x10, *range(0x98F, 0x994)]) | st.integers(0),
       value=st.integers(0, MASK))  # fmt: skip
def test_no_access_is_an_error_of_pythons(msr: int, value: int) -> None:
    (cpu,) = SHARED
    written = wrmsr(cpu, msr, value)
    assert written is None or written == Trap(GP)
    read = rdmsr(cpu, msr)
    assert read == Trap(GP) or (isinstance(read, int) and 0 <= read <= MASK)


SHARED = cores()

# -- IA32_APIC_BASE --------------------------------------------------------------------------------------------------

EN, EXTD = msrs.APIC_BASE_EN, msrs.APIC_BASE_EXTD


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (EN, EN | EXTD, True), (EN, 0, True), (EN, EXTD, False), (EN, EN, True),
        (EN | EXTD, 0, True), (EN | EXTD, EN, False), (EN | EXTD, EN | EXTD, True), (EN | EXTD, EXTD, False),
        (0, EN, True), (0, EN | EXTD, False), (0, EXTD, False), (0, 0, True),
    ],
)  # fmt: skip
def test_transitions_between_disabled_xapic_and_x2apic(before: int, after: int, allowed: bool) -> None:
    (cpu,) = cores(x2apic=False)
    base = apic_base(cpu) & ~EN
    for mode in {EN: [EN], EN | EXTD: [EN, EN | EXTD], 0: [0]}[before]:
        assert wrmsr(cpu, 0x1B, base | mode) is None
    assert rdmsr(cpu, 0x1B) == base | before
    assert wrmsr(cpu, 0x1B, base | after) == (None if allowed else Trap(GP))
    assert rdmsr(cpu, 0x1B) == base | (after if allowed else before)


def test_disabling_the_apic_resets_it() -> None:
    (cpu,) = cores()
    cpu.apic.tpr, cpu.apic.irr, cpu.apic.forwarding_enabled, cpu.apic.forwarding_active = (
        0x20,
        1 << 40,
        1 << 14,
        1 << 14,
    )
    cpu.apic.user_vector[14] = 3
    wrmsr(cpu, 0x1B, apic_base(cpu) & ~EN)
    assert cpu.apic == LocalApic(apic_id=cpu.index, enabled=False)
    assert rdmsr(cpu, 0x802) == Trap(GP)


def test_only_core_0_is_the_bootstrap_processor_and_the_page_stays_where_it_is() -> None:
    first, second = cores(2)
    base = rdmsr(first, 0x1B)
    assert isinstance(base, int)
    assert (base >> 8 & 1, base >> 12) == (1, 0xFEE00)
    assert rdmsr(second, 0x1B) == base & ~(1 << 8)
    assert wrmsr(first, 0x1B, base + 0x1000) == Trap(GP)


# -- XSAVE image -----------------------------------------------------------------------------------------------------

FULL = UintrState(
    uif=True, handler=0x40_1000, stackadjust=128, uirr=1 << 63 | 5, uinv=0xEC, upidaddr=HIGH | 0x40,
    uittaddr=HIGH | 0x1000, uitt_enabled=True, uittsz=255,
)  # fmt: skip


def test_the_image_has_48_bytes_in_the_manuals_order_and_xsaves_clears_uinv() -> None:
    (cpu,) = cores()
    cpu.uintr = FULL
    assert struct.unpack("<6Q", xsaves(cpu)) == (
        0x40_1000, 128, 1 << 63 | 0xEC << 32 | 255, HIGH | 0x40, 1 << 63 | 5, HIGH | 0x1000 | 1,
    )  # fmt: skip
    assert cpu.uintr.uinv == 0
    cpu.uintr.uinv = 0xEC


def test_xrstors_is_gp_while_uinv_is_not_0() -> None:
    (cpu,) = cores()
    image = xsaves(cpu)
    cpu.uintr = UintrState(uinv=1, handler=7)
    assert xrstors(cpu, image) == Trap(GP)
    assert cpu.uintr == UintrState(uinv=1, handler=7)


@pytest.mark.parametrize(
    ("word", "value"),
    [(0, 1 << 47), (1, 1 << 47), (2, 1 << 40), (2, 1 << 62), (3, 1), (3, 1 << 47), (5, 2), (5, 1 << 47)],
)
def test_xrstors_checks_values_as_wrmsr_does_and_loads_nothing(word: int, value: int) -> None:
    (cpu,) = cores()
    words = [0x1000, 0, 0xEC << 32, 0, 0, 0]
    words[word] = value
    before = cpu.uintr
    assert xrstors(cpu, struct.pack("<6Q", *words)) == Trap(GP)
    assert cpu.uintr is before


addresses = st.integers(0, (1 << 47) - 1) | st.integers(HIGH, MASK)


@given(
    st.builds(
        UintrState,
        uif=st.booleans(),
        handler=addresses,
        stackadjust=addresses,
        uirr=st.integers(0, MASK),
        uinv=st.integers(0, 255),
        upidaddr=addresses.map(lambda a: a & ~63),
        uittaddr=addresses.map(lambda a: a & ~15),
        uitt_enabled=st.booleans(),
        uittsz=st.integers(0, (1 << 32) - 1),
    )
)
def test_xrstors_undoes_xsaves_for_any_state(state: UintrState) -> None:
    (cpu,) = SHARED
    cpu.uintr = state
    uinv = state.uinv
    image = xsaves(cpu)
    assert xrstors(cpu, image) is None
    state.uinv = uinv
    assert cpu.uintr == state
    cpu.uintr.uinv = 0
