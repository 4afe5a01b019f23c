"""What each step of the unit charges, and to which core: one entry a step, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from pffemu.arch import directed as arch
from pffemu.arch.directed import Reason
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw import frame_rings
from tests.directed_cases import COPY, FILLED, ZERO, at, declined, entry, world
from tests.directed_world import AREA, SOURCE, World

STEPS = ("check", "claim", "frame", "record", "publish")


def spent(made: World, core: int, act: Callable[[], object]) -> dict[str, int]:
    """Units by cost that the act charges to the core."""
    units = made.cores[core]._units
    before = Counter(units)
    act()
    return dict(Counter(units) - before)


def of(*steps: str) -> dict[str, int]:
    return {f"cpu.directed.{step}": 1 for step in steps}


def test_a_fill_from_a_frame_of_zeros() -> None:
    made = world(ZERO)
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == of(*STEPS)
    made.end()


def test_a_frame_that_is_not_zero_is_charged_by_the_byte() -> None:
    made = world(ZERO, frames=0)
    assert made.donate(0, 1, SOURCE) == 0
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == of(*STEPS) | {"cpu.directed.zero": PAGE_SIZE}
    made.end()


def test_a_copy_is_charged_by_the_byte_and_the_walk_of_its_source() -> None:
    made = world(COPY)
    expected = of(*STEPS) | {"cpu.tlb_miss": 1, "cpu.directed.copy": PAGE_SIZE}
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == expected
    made.end()


def test_a_declined_fault_pays_for_the_steps_that_it_made() -> None:
    made = world(frames=0)
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == of("check", "claim", "frame", "decline")
    made.mm.pages.set(AREA, arch.absent(256, 0))
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == of("decline")
    made.end()


def test_a_core_that_waits_reads_again_and_pays_for_each() -> None:
    made = world()
    at(made, "fill", core=0)
    assert made.fault(1, AREA)
    assert spent(made, 1, lambda: [made.step(1) for _ in range(3)]) == {"cpu.directed.wait": 3}
    made.finish(0)
    made.finish(1)
    made.end()


def test_a_closed_gate_costs_the_check_and_the_wait() -> None:
    made = world()
    assert made.memory is not None
    epochs = made.memory.context(0).epochs
    frame_rings.move_gate(made.ram.words, epochs, 1)
    assert spent(made, 0, lambda: made.resolve(0, AREA)) == of("check", "wait")
    frame_rings.move_gate(made.ram.words, epochs, -1)
    assert made.resolve(0, AREA) == FILLED
    made.end()


def test_a_lost_claim_is_paid_and_the_check_behind_it() -> None:
    made = world()
    at(made, "claim", core=0)
    assert made.resolve(1, AREA) == FILLED
    assert spent(made, 0, lambda: made.finish(0)) == of("claim")
    made.end()


@pytest.mark.parametrize("drop", [False, True])
def test_pageout_costs_itself_and_a_flush_of_its_own_core(drop: bool) -> None:
    made = world()
    assert made.resolve(0, AREA) == FILLED
    assert spent(made, 0, lambda: made.page_out(0, AREA, 1, drop)) == of("pageout") | {"cpu.tlb_flush": 1}
    assert spent(made, 0, lambda: made.page_out(0, AREA, 1, drop)) == of("pageout")  # absent now
    assert made.resolve(1, AREA) == FILLED  # by another core, with frames of its own
    made.end()


def test_a_fill_of_another_core_costs_this_one_nothing() -> None:
    made = world()
    assert spent(made, 1, lambda: made.resolve(0, AREA)) == {}
    assert entry(made) & 1
    assert made.resolve(0, AREA + PAGE_SIZE) != declined(Reason.EMPTY)
    made.end()
