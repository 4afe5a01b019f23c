"""Latencies that vary as their costs do: each fault's form priced with factors drawn from the profile's spreads.

A spread's costs share one factor in a fault. The run itself is not changed: its order of events, its trace and what
threads wait for are those of the constant costs.
"""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pffemu.report.cost_clocks import COLUMNS, CostClocks, prices, unpack
from pffemu.report.latency import Latency
from pffemu.timing.catalogue import INSTRUCTIONS
from pffemu.timing.profile import Profile, Spread

_MOST: Final = 20_000  # faults that are drawn; beyond, each stands for several


def scattered(clocks: CostClocks, path: str, profile: Profile, seed: int) -> Latency | None:
    """The latencies of the faults of `path`; None when no fault took it."""
    if path not in clocks.latencies:
        return None
    rows, faults = unpack(clocks.latencies[path])
    shown = np.repeat(np.arange(len(rows)), np.maximum(faults * min(1.0, _MOST / faults.sum()), 1).astype(int))
    priced = prices(profile)
    cycles = (rows @ priced)[shown]
    for number, spread in enumerate(profile.spreads):
        columns = [COLUMNS.index(cost if cost in COLUMNS else INSTRUCTIONS) for cost in spread.costs]
        part = (rows[:, columns] @ priced[columns])[shown]
        cycles = cycles + part * (_factors(spread, len(shown), f"{seed} {number}") - 1)
    return Latency.of([round(one) for one in cycles.tolist()])


def _factors(spread: Spread, count: int, seed: str) -> NDArray[np.float64]:
    """Factors with the spread's quantiles: straight lines between them, the last slopes beyond."""
    generator = random.Random(seed)
    drawn = np.array([generator.random() for _ in range(count)])
    shares, factors = (np.array(values) for values in zip(*spread.quantiles, strict=True))
    between: NDArray[np.float64] = np.interp(drawn, shares, factors)
    above = factors[-1] + (drawn - shares[-1]) * (factors[-1] - factors[-2]) / (shares[-1] - shares[-2])
    below = factors[0] + (drawn - shares[0]) * (factors[1] - factors[0]) / (shares[1] - shares[0])
    inside: NDArray[np.float64] = np.where(drawn < shares[0], np.maximum(below, 0), between)
    outside: NDArray[np.float64] = np.where(drawn > shares[-1], above, inside)
    return outside
