"""What --uncertainty prints: intervals, conclusions, a tornado, guesses that matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.table import Table

from pffemu.report.latency import Latency
from pffemu.report.uncertainty import (
    CALL,
    MATTERS,
    MEAN,
    MEDIAN,
    P99,
    TIME,
    WITHIN,
    Bar,
    Quantity,
    Uncertainty,
)

HEADINGS: Final = {MEAN: "mean of a fault", MEDIAN: "median", P99: "p99", TIME: "measured part", CALL: "mean of a call"}
_PRINTED: Final = (MEAN, TIME, CALL)
_WIDTH: Final = 24  # characters of a bar


def uncertainty_tables(uncertainty: Uncertainty) -> Iterator[Any]:
    """Renderables, in the order in which they are printed."""
    yield _intervals(uncertainty)
    yield "Conclusions"
    yield from (f"  {one.told}" for one in uncertainty.conclusions)
    if uncertainty.tornado:
        yield _tornado(uncertainty)
    yield f"Guesses that move a conclusion by more than {100 * MATTERS:.0f} %: {movers(uncertainty.guesses)}"
    if uncertainty.assumptions:
        yield f"Assumptions about hardware that no machine has, that do: {movers(uncertainty.assumptions)}"


def scatter_table(latencies: Mapping[str, Latency]) -> Table:
    """Latencies that vary, by run."""
    table = Table(header_style="bold", title="Cycles of a fault whose costs vary", title_justify="left")
    table.add_column("")
    for heading in ("median", "mean", "p90", "p99", "largest"):
        table.add_column(heading, justify="right")
    for name, one in latencies.items():
        values = (one.median, one.mean, one.percentiles[90], one.p99, one.maximum)
        table.add_row(name, *(f"{value:,}" for value in values))
    return table


def movers(costs: Mapping[str, float]) -> str:
    """Costs, and by how much each moves a conclusion."""
    return ", ".join(f"{cost} ({100 * by:.0f} %)" for cost, by in costs.items()) or "none"


def interval(quantity: Quantity) -> str:
    low, high = quantity.interval
    return f"{quantity.nominal:,.0f}\n[{low:,.0f}, {high:,.0f}]"


def _intervals(uncertainty: Uncertainty) -> Table:
    within = WITHIN[1] - WITHIN[0]
    title = f"Cycles, and where {within} % of {uncertainty.draws:,} draws of the profile's costs lie"
    table = Table(header_style="bold", title=title, title_justify="left")
    table.add_column("")
    shown = [name for name in _PRINTED if any(name in run.quantities for run in uncertainty.runs)]
    for name in shown:
        table.add_column(HEADINGS[name], justify="right", no_wrap=True)
    table.add_column("draws are")
    for run in uncertainty.runs:
        how = run.method if not run.off else f"{run.method}, off\nby {run.off:.1f} %"
        cells = (interval(run.quantities[name]) if name in run.quantities else "-" for name in shown)
        table.add_row(run.name, *cells, how)
    return table


def _tornado(uncertainty: Uncertainty) -> Table:
    of, nominal = uncertainty.tornado_of
    table = Table(header_style="bold", title=f"What moves {of} ({nominal:.2f}) most", title_justify="left")
    for heading in ("cost", "status", "low", "high", ""):
        table.add_column(heading)
    low = min(bar.low for bar in uncertainty.tornado)
    high = max(bar.high for bar in uncertainty.tornado)
    for bar in uncertainty.tornado:
        table.add_row(bar.cost, bar.status, f"{bar.low:.2f}", f"{bar.high:.2f}", _bar(bar, nominal, low, high))
    return table


def _bar(bar: Bar, nominal: float, low: float, high: float) -> str:
    """The bar as characters, the nominal value marked."""
    scale = (_WIDTH - 1) / (high - low)
    from_, to, middle = (round((value - low) * scale) for value in (bar.low, bar.high, nominal))
    return "".join("|" if at == middle else "=" if from_ <= at <= to else " " for at in range(_WIDTH))
