"""The local APIC's forwarding registers, through both of their doors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import apic_regs as reg
from pffemu.arch.msrs import X2APIC_BASE
from pffemu.hw.local_apic import LocalApic

BANKS = {"forwarding_enabled": reg.FORWARDING_ENABLED, "forwarding_active": reg.FORWARDING_ACTIVE}


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("vector", [0, 14, 31, 32, 127, 128, 255])
def test_bit_v_lies_in_register_v_div_32_at_bit_v_mod_32(bank: str, vector: int) -> None:
    apic = LocalApic()
    offset = BANKS[bank] + vector // 32 * 0x10
    apic.write(offset, 4, 1 << vector % 32)
    assert getattr(apic, bank) == 1 << vector
    assert apic.read(offset, 4) == 1 << vector % 32
    assert (apic.is_enabled(vector), apic.is_active(vector)) == (
        bank == "forwarding_enabled",
        bank == "forwarding_active",
    )
    apic.write(offset, 4, 0)
    assert getattr(apic, bank) == 0


def test_the_banks_lie_where_the_design_says() -> None:
    assert (reg.FORWARDING_ENABLED, reg.FORWARDING_ACTIVE) == (0x600, 0x680)
    assert (reg.VECTOR_MAP_INDEX, reg.VECTOR_MAP_DATA, reg.STRIDE) == (0x700, 0x710, 0x10)


def test_the_map_starts_as_v_mod_64_and_takes_values_below_64() -> None:
    apic = LocalApic()
    for vector, value, stored in ((14, 14, 14), (255, 200, 8), (64, 63, 63)):
        apic.write(reg.VECTOR_MAP_INDEX, 4, vector)
        assert apic.read(reg.VECTOR_MAP_DATA, 4) == vector % 64
        apic.write(reg.VECTOR_MAP_DATA, 4, value)
        assert apic.read(reg.VECTOR_MAP_DATA, 4) == stored == apic.user_vector[vector]
    assert apic.read(reg.VECTOR_MAP_INDEX, 4) == 64


@pytest.mark.parametrize(("offset", "size"), [(0x600, 8), (0x600, 2), (0x604, 4), (0x20, 4), (0x5F0, 4), (0x720, 4)])
def test_other_registers_sizes_and_alignments_read_0_and_ignore_writes(offset: int, size: int) -> None:
    apic = LocalApic()
    apic.write(offset, size, 0xFFFFFFFF)
    assert apic.read(offset, size) == 0
    assert (apic.forwarding_enabled, apic.forwarding_active) == (0, 0)


accesses = st.tuples(
    st.booleans(),
    st.integers(0x5F0, 0x720) | st.integers(0, 0xFFF),
    st.sampled_from((1, 2, 4, 8)),
    st.integers(0, (1 << 64) - 1),
)


@given(steps=st.lists(accesses, max_size=50))
def test_no_sequence_of_accesses_raises_or_leaves_the_registers_ranges(steps: list[tuple[bool, int, int, int]]) -> None:
    apic = LocalApic()
    for write, offset, size, value in steps:
        if write:
            apic.write(offset, size, value)
        assert 0 <= apic.read(offset, size) < 1 << 32
    assert 0 <= apic.forwarding_enabled < 1 << 256
    assert 0 <= apic.forwarding_active < 1 << 256
    assert all(0 <= vector < 64 for vector in apic.user_vector)


registers = st.sampled_from((*range(0x600, 0x700, 0x10), 0x700, 0x710, 0x20, 0x5F0, 0x720))


@given(steps=st.lists(st.tuples(registers, st.booleans(), st.integers(0, (1 << 32) - 1)), max_size=40))
def test_the_msr_view_and_the_mmio_view_are_the_same_registers(steps: list[tuple[int, bool, int]]) -> None:
    apic, mirror = LocalApic(), LocalApic()
    for offset, through_msr, value in steps:
        msr = X2APIC_BASE + (offset >> 4)
        if through_msr:
            apic.wrmsr(msr, value)
        else:
            apic.write(offset, 4, value)
        mirror.write(offset, 4, value)
        for other in range(0x600, 0x720, 0x10):
            assert apic.rdmsr(X2APIC_BASE + (other >> 4)) == apic.read(other, 4) == mirror.read(other, 4)
