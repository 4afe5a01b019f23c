"""Intervals of benchmarks' results under draws of what the machine might cost, conclusions, and what matters most.

A run's results are linear forms of the costs (cost_clocks.py), so a draw is a product of matrices and not another run.
Where threads contend for cores or locks the forms are not exact; then results come from runs of the drawn profiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pffemu.report.cost_clocks import CostClocks, Form, form_of, prices, unpack
from pffemu.report.ioctl_stages import IoctlCosts
from pffemu.report.summary import RunSummary
from pffemu.timing.profile import Profile, Status
from pffemu.timing.uncertainty import UNCERTAIN, WIDTHS, draw, status, width

MEAN, MEDIAN, P99, TIME, CALL = QUANTITIES = ("mean", "median", "p99", "time", "call")
SPEEDUP: Final = "speedup"  # the measured part's length under userfaultfd over a run's
WITHIN: Final = (5, 95)  # percentiles of the intervals
MATTERS: Final = 0.05  # a guess that moves a conclusion by more is named
SAME: Final = 0.01  # runs nearer to each other than that lead to no conclusion
_BARS: Final = 12  # of a tornado
WHAT: Final = {MEAN: "a fault", TIME: "the measured part", CALL: "a call"}
Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A result: with the profile's own values, and under each draw."""

    nominal: float
    draws: Draws

    @property
    def interval(self) -> tuple[float, float]:
        low, high = np.percentile(self.draws, WITHIN)
        return float(low), float(high)

    def over(self, other: Quantity) -> Quantity:
        """The ratio, draw by draw."""
        return Quantity(self.nominal / other.nominal, self.draws / other.draws)

    def to_json(self) -> list[float]:
        """[low, nominal, high]"""
        low, high = self.interval
        return [round(low, 4), round(self.nominal, 4), round(high, 4)]


@dataclass(frozen=True, slots=True)
class RunDraws:
    """A run under all draws. `forms`: of quantities that are linear. `method`: exact, linear or emulated; `off`: the
    largest difference found, in %, between the forms and runs of drawn profiles."""

    name: str
    mode: str
    quantities: Mapping[str, Quantity]
    forms: Mapping[str, Form] = field(default_factory=dict)
    method: str = "exact"
    off: float = 0.0


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`less` takes less of `quantity` than `more`, in `holds` of all draws."""

    quantity: str
    less: str
    more: str
    ratio: Quantity  # of the two
    holds: int

    @property
    def told(self) -> str:
        low, high = self.ratio.interval
        return (
            f"{WHAT[self.quantity]}: {self.less} takes less than {self.more}, {self.ratio.nominal:.2f}x "
            f"[{low:.2f}, {high:.2f}]; holds in {self.holds} of {len(self.ratio.draws)} draws"
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """What becomes of a ratio when one cost is at either edge of its width."""

    cost: str
    status: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Everything about a benchmark's runs under `draws` draws."""

    draws: int
    seed: int
    runs: list[RunDraws]
    conclusions: list[Conclusion]
    tornado_of: tuple[str, float] = ("", 0.0)  # what its bars are of, and its nominal value
    tornado: list[Bar] = field(default_factory=list)
    guesses: dict[str, float] = field(default_factory=dict)  # that matter: by how much they move a conclusion
    assumptions: dict[str, float] = field(default_factory=dict)  # the same of what no machine has

    def to_json(self) -> dict[str, Any]:
        return {
            "draws": self.draws,
            "seed": self.seed,
            "percentiles": list(WITHIN),
            "widths": {status.value: factor for status, factor in WIDTHS.items()},
            "runs": [
                {
                    "run": run.name, "mode": run.mode, "method": run.method, "off": round(run.off, 2),
                    **{name: one.to_json() for name, one in run.quantities.items()},
                }
                for run in self.runs
            ],
            "conclusions": [
                {
                    "quantity": one.quantity, "less": one.less, "more": one.more, "ratio": one.ratio.to_json(),
                    "holds": one.holds, "told": one.told,
                }
                for one in self.conclusions
            ],
            "tornado": {
                "of": self.tornado_of[0], "nominal": round(self.tornado_of[1], 4),
                "bars": [[bar.cost, bar.status, round(bar.low, 4), round(bar.high, 4)] for bar in self.tornado],
            },
            "guesses": {cost: round(moved, 4) for cost, moved in self.guesses.items()},
            "assumptions": {cost: round(moved, 4) for cost, moved in self.assumptions.items()},
        }  # fmt: skip


def of_forms(summary: RunSummary, clocks: CostClocks, profile: Profile, draws: int, seed: int) -> RunDraws:
    """The run's results under draws 0 to `draws`, from its forms."""
    own = prices(profile)
    drawn = np.array([prices(profile, draw(profile, number, seed)) for number in range(draws)])
    forms: dict[str, Form] = {TIME: clocks.part}
    quantities = {TIME: Quantity(float(clocks.part @ own), drawn @ clocks.part)}
    if summary.main_path in clocks.latencies:
        rows, faults = unpack(clocks.latencies[summary.main_path])
        forms[MEAN] = faults @ rows / faults.sum()
        quantities[MEAN] = Quantity(float(forms[MEAN] @ own), drawn @ forms[MEAN])
        for name, share in ((MEDIAN, 0.5), (P99, 0.99)):
            nominal = percentile(rows @ own, faults, share)
            quantities[name] = Quantity(nominal, np.array([percentile(rows @ one, faults, share) for one in drawn]))
    ordered = {name: quantities[name] for name in QUANTITIES if name in quantities}
    return RunDraws(summary.name, summary.mode, ordered, forms, "exact" if clocks.exact else "linear")


def of_call(name: str, mode: str, costs: IoctlCosts, profile: Profile, draws: int, seed: int) -> RunDraws:
    """A call's mean under the draws, from the units that were charged."""
    form = form_of({cost: units / costs.calls for cost, units in costs.all_units().items()})
    drawn = np.array([prices(profile, draw(profile, number, seed)) @ form for number in range(draws)])
    return RunDraws(name, mode, {CALL: Quantity(float(prices(profile) @ form), drawn)}, {CALL: form})


def of_runs(linear: RunDraws, results: Sequence[Mapping[str, float]]) -> RunDraws:
    """The same with results, by quantity, from runs of the drawn profiles."""
    quantities = {
        name: Quantity(one.nominal, np.array([found[name] for found in results]))
        for name, one in linear.quantities.items()
    }
    return RunDraws(linear.name, linear.mode, quantities, linear.forms, "emulated", linear.off)


def with_speedup(runs: Sequence[RunDraws]) -> list[RunDraws]:
    """The runs, each with its speed-up over the first one under userfaultfd; as they are where there is none."""
    base = next((run.quantities[TIME] for run in runs if run.mode == "uffd"), None)
    if base is None:
        return list(runs)
    return [replace(run, quantities={**run.quantities, SPEEDUP: base.over(run.quantities[TIME])}) for run in runs]


def result(summary: RunSummary, quantity: str) -> float:
    """A quantity of one run."""
    if quantity == TIME:
        return summary.cycles
    return summary.cycles_per_fault if quantity == MEAN else getattr(summary.latency[summary.main_path], quantity)


def assess(profile: Profile, groups: Sequence[Sequence[RunDraws]], draws: int, seed: int, quantity: str) -> Uncertainty:
    """The conclusions that the runs allow, each group compared by itself, and the costs that matter to them.

    `quantity`: what the tornado shows of the first group.
    """
    conclusions: list[Conclusion] = []
    movers: dict[Status, dict[str, float]] = {Status.GUESSED: {}, Status.ASSUMED: {}}
    for runs in groups:
        found = [one for compared in (MEAN, TIME, CALL) for one in _conclusions(runs, compared)]
        by_name = {run.name: run for run in runs}
        for one, cost in product(found, UNCERTAIN):
            moved = _moved(profile, by_name[one.less], by_name[one.more], one.quantity, cost)
            matter = movers.get(status(profile, cost))
            if matter is not None and moved > MATTERS:
                matter[cost] = max(moved, matter.get(cost, 0.0))
        conclusions += found
    everything = Uncertainty(
        draws, seed, [run for runs in groups for run in runs], conclusions,
        guesses=_largest_first(movers[Status.GUESSED]), assumptions=_largest_first(movers[Status.ASSUMED]),
    )  # fmt: skip
    above, below = _pair(groups[0])
    if above is below or not {quantity} <= above.forms.keys() & below.forms.keys():
        return everything
    of = f"{WHAT[quantity]}: {above.name} / {below.name}"
    nominal = above.quantities[quantity].nominal / below.quantities[quantity].nominal
    return replace(everything, tornado_of=(of, nominal), tornado=_tornado(profile, above, below, quantity))


def _largest_first(moved: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(moved.items(), key=lambda item: -item[1]))


def _conclusions(runs: Sequence[RunDraws], quantity: str) -> list[Conclusion]:
    """One for each two runs that are next to each other in this quantity, and for the slowest against the fastest."""
    there = (run for run in runs if quantity in run.quantities)
    ordered = sorted(there, key=lambda run: run.quantities[quantity].nominal)
    pairs = list(pairwise(ordered))
    if len(ordered) > 2:
        pairs.append((ordered[0], ordered[-1]))
    found = []
    for less, more in pairs:
        a, b = less.quantities[quantity], more.quantities[quantity]
        if a.nominal > 0 and b.nominal - a.nominal > SAME * b.nominal:
            found.append(Conclusion(quantity, less.name, more.name, a.over(b), int((a.draws < b.draws).sum())))
    return found


def _pair(runs: Sequence[RunDraws]) -> tuple[RunDraws, RunDraws]:
    """The ratio that a tornado shows: userfaultfd over forwarding where both ran, else the first over the last."""
    above = next((run for run in runs if run.mode == "uffd"), runs[0])
    below = next((run for run in runs if run.mode == "pff"), runs[-1])
    return above, below


def _tornado(profile: Profile, above: RunDraws, below: RunDraws, quantity: str) -> list[Bar]:
    bars = []
    for cost in UNCERTAIN:
        edge = width(profile, cost)
        low, high = sorted(_ratio(profile, above, below, quantity, cost, factor) for factor in (1 / edge, edge))
        if high - low > 1e-6:
            bars.append(Bar(cost, status(profile, cost).value, low, high))
    return sorted(bars, key=lambda bar: bar.low - bar.high)[:_BARS]


def _moved(profile: Profile, less: RunDraws, more: RunDraws, quantity: str, cost: str) -> float:
    """By how much of itself the ratio moves when `cost` is at an edge of its width."""
    edge, nominal = width(profile, cost), _ratio(profile, less, more, quantity, cost, 1.0)
    return max(abs(_ratio(profile, less, more, quantity, cost, factor) / nominal - 1) for factor in (1 / edge, edge))


def _ratio(profile: Profile, above: RunDraws, below: RunDraws, quantity: str, cost: str, factor: float) -> float:
    priced = prices(profile, {cost: factor})
    return float(above.forms[quantity] @ priced) / float(below.forms[quantity] @ priced)


def percentile(values: Draws, faults: NDArray[np.int64], share: float) -> float:
    """The lowest value with at least that share of the faults at or below it."""
    order = np.argsort(values)
    reached = np.cumsum(faults[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])
