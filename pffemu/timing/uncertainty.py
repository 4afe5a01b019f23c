"""How far a profile's entries can be trusted, and random draws of what the machine might really cost.

An entry is drawn from a log-normal distribution around its value; its width depends on where the value comes from. The
widths are what sources differ by (docs/timing.md): 90 % of the draws lie within a factor of WIDTHS.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from statistics import NormalDist
from typing import Final

from pffemu.timing.catalogue import CATALOGUE, INSTRUCTION, INSTRUCTIONS, STALLS
from pffemu.timing.profile import Profile, Status

WIDTHS: Final[dict[Status, float]] = {
    Status.MEASURED: 1.1,
    Status.PUBLISHED: 1.2,
    Status.DERIVED: 1.5,
    Status.ASSUMED: 2.0,
    Status.GUESSED: 2.0,
}
# what is drawn: each cost on its own, waits for memory by cause, and guest instructions of all classes by one factor
UNCERTAIN: Final = (*(cost for cost in CATALOGUE if CATALOGUE[cost].per != INSTRUCTION), *STALLS, INSTRUCTIONS)
WAITED_FOR: Final[dict[str, tuple[str, ...]]] = {  # entries of `[memory]` that a wait is drawn with
    "memory.l2": ("l2.latency",),
    "memory.l3": ("l3.latency",),
    "memory.dram": ("memory.latency",),
    "memory.transfer": ("transfer.latency",),
    "memory.tlb": ("stlb.latency", "walk.latency"),
    "memory.prefetch": ("memory.gap",),
}
_COMMON: Final = ("insn.simple", "insn.load", "insn.store", "insn.branch")
_NORMAL: Final = NormalDist()
_EDGE: Final = _NORMAL.inv_cdf(0.95)  # of 90 % in the middle, in standard deviations
_LOWEST: Final = 1e-9  # a probability, so that no draw is infinite

Factors = Mapping[str, float]  # by cost name; INSTRUCTIONS for all of guest instructions together


def width(profile: Profile, cost: str) -> float:
    """The factor within which 90 % of the draws of `cost` lie; `cost` may be INSTRUCTIONS."""
    return WIDTHS[status(profile, cost)]


def status(profile: Profile, cost: str) -> Status:
    """The status of `cost`; for INSTRUCTIONS, the least certain one of the classes that programs consist of. A wait has
    that of the entry that it is drawn with; where it is a sum of several, it is derived."""
    if cost in profile.entries:
        return profile.entries[cost].status
    if cost not in WAITED_FOR:
        return max((profile.entries[one].status for one in _COMMON), key=WIDTHS.__getitem__)
    found = [profile.hierarchy[name].status for name in WAITED_FOR[cost] if name in profile.hierarchy]
    return found[0] if len(found) == 1 else Status.DERIVED


def draw(profile: Profile, number: int, seed: int) -> dict[str, float]:
    """The factors of draw `number`: the same for the same seed, on every host. Costs are independent."""
    return {
        cost: math.exp(math.log(width(profile, cost)) / _EDGE * _normal(f"{seed} {number} {cost}"))
        for cost in UNCERTAIN
    }


def drawn(profile: Profile, factors: Factors) -> Profile:
    """The profile with every entry times its factor; of `[memory]`, those that waits are drawn with."""
    entries = {}
    for cost, entry in profile.entries.items():
        name = INSTRUCTIONS if CATALOGUE[cost].per == INSTRUCTION else cost
        entries[cost] = replace(entry, value=entry.value * Fraction(factors.get(name, 1.0)))
    memory = dict(profile.hierarchy)
    for wait, names in WAITED_FOR.items():
        for name in names:
            if name in memory:
                memory[name] = replace(memory[name], value=memory[name].value * Fraction(factors.get(wait, 1.0)))
    return replace(profile.with_entries(entries), hierarchy=memory)


def _normal(seed: str) -> float:
    """A standard normal number; only the generator's `random` is promised to stay as it is."""
    return _NORMAL.inv_cdf(min(max(random.Random(seed).random(), _LOWEST), 1 - _LOWEST))
