"""The local APIC's forwarding registers, through both of their interfaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import apic_regs as reg
from pffemu.hw.apic_access import ApicPage
from pffemu.hw.msrs import rdmsr, wrmsr
from tests.unit.hw.cores import cores, msr_of

BANKS = {"forwarding_enabled": reg.FORWARDING_ENABLED, "forwarding_active": reg.FORWARDING_ACTIVE}


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("vector", [0, 14, 31, 32, 127, 128, 255])
def test_bit_v_lies_in_register_v_div_32_at_bit_v_mod_32(bank: str, vector: int) -> None:
    (cpu,) = cores(x2apic=False)
    apic, page = cpu.apic, ApicPage(cpu)
    offset = BANKS[bank] + vector // 32 * 0x10
    page.write(offset, 4, 1 << vector % 32)
    assert getattr(apic, bank) == 1 << vector
    assert page.read(offset, 4) == 1 << vector % 32
    assert (apic.is_enabled(vector), apic.is_active(vector)) == (
        bank == "forwarding_enabled",
        bank == "forwarding_active",
    )
    page.write(offset, 4, 0)
    assert getattr(apic, bank) == 0


def test_the_banks_lie_where_the_design_says() -> None:
    assert (reg.FORWARDING_ENABLED, reg.FORWARDING_ACTIVE) == (0x600, 0x680)
    assert (reg.VECTOR_MAP_INDEX, reg.VECTOR_MAP_DATA, reg.STRIDE) == (0x700, 0x710, 0x10)


def test_the_map_starts_as_v_mod_64_and_keeps_six_bits() -> None:
    (cpu,) = cores(x2apic=False)
    page = ApicPage(cpu)
    for vector, value, stored in ((14, 14, 14), (255, 200, 8), (64, 63, 63)):
        page.write(reg.VECTOR_MAP_INDEX, 4, vector)
        assert page.read(reg.VECTOR_MAP_DATA, 4) == vector % 64
        page.write(reg.VECTOR_MAP_DATA, 4, value)
        assert page.read(reg.VECTOR_MAP_DATA, 4) == stored == cpu.apic.user_vector[vector]
    assert page.read(reg.VECTOR_MAP_INDEX, 4) == 64


registers = st.sampled_from((*range(0x600, 0x700, 0x10), 0x700, 0x710))


@given(steps=st.lists(st.tuples(registers, st.integers(0, (1 << 32) - 1)), max_size=20))
def test_the_msrs_and_the_page_are_the_same_registers(steps: list[tuple[int, int]]) -> None:
    (by_msr,), (by_page,) = cores(), cores(x2apic=False)
    page = ApicPage(by_page)
    for offset, value in steps:
        value &= 0xFF if offset == reg.VECTOR_MAP_INDEX else 0x3F if offset == reg.VECTOR_MAP_DATA else value
        assert wrmsr(by_msr, msr_of(offset), value) is None
        page.write(offset, 4, value)
        for other in range(0x600, 0x720, 0x10):
            assert rdmsr(by_msr, msr_of(other)) == page.read(other, 4)
