"""What a sweep prints and reports: the time of each run of each point; with --uncertainty intervals and conclusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pffemu.report.uncertainty import CALL, MATTERS, TIME, WHAT
from pffemu.report.uncertainty_table import movers

Point = Mapping[str, Any]  # values, report


def told_of_points(points: Sequence[Point]) -> Iterator[str]:
    """Lines, in the order of the points; conclusions of all of them come last."""
    for point in points:
        runs = point["report"]["runs"]
        drawn: list[Mapping[str, Any]] = point["report"].get("uncertainty", {}).get("runs", [{}] * len(runs))
        for run, draws in zip(runs, drawn, strict=True):
            yield f"{_values(point)}: {_name(run)}: {run.get('cycles', run.get('total')):,} cycles{_interval(draws)}"
    if draws_of({"points": points}) is not None:
        yield from conclusions(points)


def draws_of(report: Mapping[str, Any]) -> int | None:
    """The number of draws of a benchmark's report, or of the points of a sweep; None: it has none."""
    inner = [report, *(point["report"] for point in report.get("points", ()))]
    return next((one["uncertainty"]["draws"] for one in inner if "uncertainty" in one), None)


def conclusions(points: Sequence[Point]) -> list[str]:
    """What follows under the draws, each conclusion for all points that allow it; then the guesses that move one."""
    drawn = [(_values(point), point["report"]["uncertainty"]) for point in points if "uncertainty" in point["report"]]
    found: dict[tuple[str, str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    guesses: dict[str, float] = {}
    for values, uncertainty in drawn:
        for one in uncertainty["conclusions"]:
            found.setdefault((one["quantity"], one["less"], one["more"]), []).append((values, one))
        for cost, moved in uncertainty["guesses"].items():
            guesses[cost] = max(moved, guesses.get(cost, 0.0))
    draws = draws_of({"points": points})
    told = [_told(*what, there, draws, everywhere=len(there) == len(drawn)) for what, there in found.items()]
    return [*told, f"guesses that move one by more than {100 * MATTERS:.0f} %: {movers(guesses)}"]


def _told(
    quantity: str, less: str, more: str, there: Sequence[tuple[str, Mapping[str, Any]]], draws: int | None,
    *, everywhere: bool,
) -> str:  # fmt: skip
    lows, nominals, highs = zip(*(one["ratio"] for _, one in there), strict=True)
    ratio = f"{min(nominals):.2f}x" + (f" to {max(nominals):.2f}x" if len(there) > 1 else "")
    holds = [one["holds"] for _, one in there]
    least = "at least " if min(holds) < max(holds) else ""
    where = "" if everywhere else f" ({'; '.join(values for values, _ in there)})"
    return (
        f"{WHAT[quantity]}: {less} takes less than {more}, {ratio} [{min(lows):.2f}, {max(highs):.2f}]; "
        f"holds in {least}{min(holds)} of {draws} draws{where}"
    )


def _values(point: Point) -> str:
    return ", ".join(f"{name} {value}" for name, value in point["values"].items())


def _name(run: Mapping[str, Any]) -> str:
    if "ioctl" in run:
        return f"{run['ioctl']}, {run['case']}"
    return f"{run['mode']} {run['handler']}".rstrip()


def _interval(draws: Mapping[str, Any]) -> str:
    low, _, high = draws.get(TIME) or draws.get(CALL) or (None, None, None)
    return "" if low is None else f" [{low:,.0f}, {high:,.0f}]"
