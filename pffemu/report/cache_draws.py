"""Runs of a comparison under draws of what the machine might cost: their results' intervals, and conclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from pffemu.events.faults import KERNEL
from pffemu.report.cache_run import CacheRun
from pffemu.report.cost_clocks import prices, unpack
from pffemu.report.uncertainty import MATTERS, MEDIAN, TIME, Quantity, RunDraws, assess, percentile
from pffemu.report.uncertainty_table import movers
from pffemu.timing import Profile
from pffemu.timing.uncertainty import draw

DRAWN: Final = "draws"  # key of a run's file: its RunDraws
_MOST_CONCLUSIONS: Final = 24  # printed; the JSON has all


def of_cache_run(run: CacheRun, profile: Profile, draws: int, seed: int) -> RunDraws:
    """The run's time, and the median of its misses where they are faults, under the draws of its `profile`."""
    clocks = run.clocks
    assert clocks is not None
    own = prices(profile)
    drawn = np.array([prices(profile, draw(profile, number, seed)) for number in range(draws)])
    quantities = {TIME: Quantity(float(clocks.part @ own), drawn @ clocks.part)}
    by_path = clocks.latencies_in_part
    forms = sum((found for path, found in by_path.items() if path != KERNEL), Counter()) or by_path.get(KERNEL)
    if forms and run.setting.mechanism.faults:
        rows, faults = unpack(forms)
        medians = np.array([percentile(rows @ one, faults, 0.5) for one in drawn])
        quantities[MEDIAN] = Quantity(percentile(rows @ own, faults, 0.5), medians)
    name, method = run.setting.mechanism.name, "exact" if clocks.exact else "linear"
    return RunDraws(name, run.summary.mode, quantities, {TIME: clocks.part}, method)


def to_json(drawn: RunDraws) -> dict[str, Any]:
    """What a run's file keeps of its draws."""
    return {
        "mode": drawn.mode, "method": drawn.method, "off": drawn.off, "form": drawn.forms[TIME].tolist(),
        "quantities": {name: [one.nominal, one.draws.tolist()] for name, one in drawn.quantities.items()},
    }  # fmt: skip


def assess_runs(runs: Sequence[dict[str, Any]], profile: Profile, draws: int, seed: int) -> dict[str, Any]:
    """Conclusions among runs with equal quota and threads. Each run's DRAWN is replaced by `uncertainty`: intervals."""
    groups: dict[tuple[float, int], list[RunDraws]] = {}
    for run in runs:
        found = _of_json(run)
        operations = run["operations"] * profile.frequency
        low, nominal, high = (operations / cycles for cycles in reversed(found.quantities[TIME].to_json()))
        run["uncertainty"] = {
            "method": found.method, "off": round(found.off, 2),
            "operations_per_second": [round(low, 3), round(nominal, 3), round(high, 3)],
            **({"p50": found.quantities[MEDIAN].to_json()} if MEDIAN in found.quantities else {}),
        }  # fmt: skip
        groups.setdefault((run["quota"], run["threads"]), []).append(found)
    return assess(profile, list(groups.values()), draws, seed, TIME).to_json() if groups else {}


def conclusions(report: dict[str, Any]) -> Iterator[str]:
    """What --uncertainty prints below the tables."""
    told = report.get("uncertainty")
    if told:
        yield f"Conclusions; intervals are where 90 % of {told['draws']:,} draws of the profile's costs lie"
        found = told["conclusions"]
        for one in found[:_MOST_CONCLUSIONS]:
            low, nominal, high = (1 / ratio for ratio in reversed(one["ratio"]))
            faster = f"{one['less']} is faster than {one['more']}, {nominal:.2f}x [{low:.2f}, {high:.2f}]"
            yield f"  {faster}: holds in {one['holds']} of {told['draws']} draws"
        if len(found) > _MOST_CONCLUSIONS:
            yield f"  and {len(found) - _MOST_CONCLUSIONS} more (--json)"
        yield f"Guesses that move a conclusion by more than {100 * MATTERS:.0f} %: {movers(told['guesses'])}"


def _of_json(run: dict[str, Any]) -> RunDraws:
    told = run.pop(DRAWN)
    name = f"{run['mechanism']} (quota {run['quota']:g}, threads {run['threads']})"
    quantities = {one: Quantity(nominal, np.array(draws)) for one, (nominal, draws) in told["quantities"].items()}
    return RunDraws(name, told["mode"], quantities, {TIME: np.array(told["form"])}, told["method"], told["off"])
