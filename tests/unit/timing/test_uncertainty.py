"""Draws of a profile: reproducible, as wide as the entries' statuses say, one factor for all instructions."""

from __future__ import annotations

import pytest

from pffemu.timing import CATALOGUE, Status, load_profile
from pffemu.timing.catalogue import INSTRUCTIONS, STALLS
from pffemu.timing.uncertainty import UNCERTAIN, WAITED_FOR, WIDTHS, draw, drawn, status, width

PROFILE = load_profile()


def test_the_same_draw_is_the_same_number_forever() -> None:
    assert draw(PROFILE, 3, 7)["kernel.wake"] == pytest.approx(1.16267, abs=1e-5)
    assert draw(PROFILE, 3, 7) == draw(PROFILE, 3, 7)
    assert len({tuple(draw(PROFILE, number, seed).values()) for number in range(5) for seed in range(5)}) == 25


@pytest.mark.parametrize("cost", ["kernel.entry", "kernel.wake", "kernel.poll", "cpu.mmio", INSTRUCTIONS])
def test_nine_of_ten_draws_lie_within_the_width_of_the_status(cost: str) -> None:
    edge = width(PROFILE, cost)
    inside = [1 / edge <= draw(PROFILE, number, 0)[cost] <= edge for number in range(600)]
    assert 0.87 < sum(inside) / len(inside) < 0.93
    if cost != INSTRUCTIONS:
        assert edge == WIDTHS[PROFILE.entries[cost].status]


def test_less_trusted_is_wider() -> None:
    assert list(WIDTHS) == [Status.MEASURED, Status.PUBLISHED, Status.DERIVED, Status.ASSUMED, Status.GUESSED]
    assert sorted(WIDTHS.values()) == list(WIDTHS.values())


def test_a_drawn_profile_has_every_entry_times_its_factor() -> None:
    factors = draw(PROFILE, 0, 0)
    other = drawn(PROFILE, factors)
    for cost in CATALOGUE:
        factor = factors[INSTRUCTIONS if cost.startswith("insn.") else cost]
        assert other.rates[cost] == pytest.approx(PROFILE.rates[cost] * factor, abs=1)
    assert set(factors) == set(UNCERTAIN)


def test_waits_for_memory_are_drawn_with_the_latencies_behind_them() -> None:
    assert set(WAITED_FOR) == set(STALLS)
    factors = {**draw(PROFILE, 0, 0), "memory.transfer": 1.25, "memory.tlb": 0.5}
    other = drawn(PROFILE, factors).hierarchy
    assert other["transfer.latency"].value * 4 == PROFILE.hierarchy["transfer.latency"].value * 5
    for name in ("stlb.latency", "walk.latency"):
        assert other[name].value * 2 == PROFILE.hierarchy[name].value
    of_latencies = {name for names in WAITED_FOR.values() for name in names}
    assert {name for name in other if other[name] != PROFILE.hierarchy[name]} == of_latencies
    assert status(PROFILE, "memory.l3") is Status.PUBLISHED
    assert status(PROFILE, "memory.tlb") is Status.DERIVED  # a sum of several
