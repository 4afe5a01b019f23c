"""The invariants of directed resolution, while the kernel acts between any two steps of the units' fills.

`tests/directed_world.py` asserts I1 to I9 after every operation; docs/hardware-resolution.md says what each is.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_model.abi.uffd import DIRECT_COPY, DIRECT_ZERO, DONATE_EACH
from tests.campaign import rounds
from tests.directed_operations import NAMES, OPERATIONS, apply
from tests.directed_points import Act, Interleaving
from tests.directed_world import World

NUMBERS = st.tuples(*[st.integers(0, 63)] * 4)
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), NUMBERS), min_size=10, max_size=80)
FIRST = 10 * int(os.environ.get("PFFEMU_FUZZ_SEED", "0"))


def directed(cores: int, kind: int) -> World:
    """A world with a directive for the whole area, and frames in every ring."""
    world = World(cores)
    world.donate(DONATE_EACH, 6)
    assert world.direct(kind) == 1
    return world


@settings(max_examples=rounds(60, 600), deadline=None)
@given(st.integers(1, 8), st.sampled_from([DIRECT_ZERO, DIRECT_COPY]), STEPS)
def test_every_invariant_holds_between_any_two_steps(
    cores: int, kind: int, steps: list[tuple[str, tuple[int, int, int, int]]]
) -> None:
    world = directed(cores, kind)
    for name, numbers in steps:
        apply(world, name, numbers)
    world.end()


ACTS = st.lists(st.one_of(st.none(), st.tuples(*[st.integers(0, 63)] * 3)), max_size=200)


@settings(max_examples=rounds(60, 600), deadline=None)
@given(st.integers(2, 8), st.sampled_from([DIRECT_ZERO, DIRECT_COPY]), STEPS, ACTS)
def test_every_invariant_holds_while_cores_act_inside_of_operations(
    cores: int, kind: int, steps: list[tuple[str, tuple[int, int, int, int]]], acts: list[Act | None]
) -> None:
    """Also at the points within a call of the kernel, a PAGEOUT and a step: between two stores of any of them."""
    world = directed(cores, kind)
    with Interleaving(world, iter(acts)).installed() as interleaving:
        for name, numbers in steps:
            with interleaving.operation():
                OPERATIONS[name][0](world, *numbers)
            world.check()
    world.end()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + rounds(1, 10)))
def test_a_malicious_program_breaks_nothing(seed: int) -> None:
    """10,000 random operations, in worlds of a few hundred each; everything is checked after every fourth."""
    source = random.Random(seed)
    done = 0
    while done < 10_000:
        world = directed(source.randint(1, 4), source.choice([DIRECT_ZERO, DIRECT_COPY]))
        for _ in range(source.randint(50, 400)):
            name, numbers = source.choice(NAMES), (*(source.randrange(64) for _ in range(4)),)
            if done % 4:
                OPERATIONS[name][0](world, *numbers)  # type: ignore[call-arg]
            else:
                apply(world, name, numbers)  # type: ignore[arg-type]
            done += 1
        world.end()
