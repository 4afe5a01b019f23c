"""The tables of a comparison: what each mechanism's steps cost, and one row a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from pffemu.report.fitting import fitting_columns, left_out

Run = Mapping[str, Any]

_STEPS: Final = {"hit": "hit", "fill": "fill", "evict": "evict", "write_back": "write back"}
_COLUMNS: Final[Mapping[str, Callable[[Run], str]]] = {
    "M op/s": lambda run: f"{run['operations_per_second'] / 1e6:,.3f}" + _within(run, "operations_per_second", 1e6, 3),
    "a core": lambda run: f"{run['operations_per_core_second'] / 1e6:,.3f}",
    "core-ms": lambda run: f"{run['core_seconds'] * 1e3:,.2f}",
    "misses": lambda run: f"{run['misses']['count']:,}",
    "p50": lambda run: _cycles(run, "p50") + _within(run, "p50", 1, 0),
    "p99": lambda run: _cycles(run, "p99"),
    "p99.9": lambda run: _cycles(run, "p99.9"),
    "evicted": lambda run: f"{run['cache']['evictions']:,}",
    "written": lambda run: f"{run['cache']['writebacks']:,}",
    "entries": lambda run: f"{run['measured']['kernel_entries']:,}",
    "switches": lambda run: f"{run['measured']['context_switches']:,}",
    "flushes": lambda run: f"{run['measured']['tlb_flushes']:,}",
    "IPIs": lambda run: f"{run['measured']['ipis']:,}",
    "answer": lambda run: "right" if run["correct"] else "WRONG",
}
_FIRST: Final = ("mechanism", "quota", "threads", "M op/s", "p50", "answer", "p99", "misses", "entries", "switches")
_FIRST_OF_STEPS: Final = ("mechanism", *_STEPS.values())
_PARTS: Final = {"of_a_fill": "fill", "of_an_eviction": "evict", "of_a_write_back": "write back"}


def compare_tables(report: Mapping[str, Any], width: int) -> list[Table | str]:
    """The steps of each mechanism, then the runs, in `width` columns; lines that say what they left out for it."""
    options = report["options"]
    title = f"{options['workload']}, scale {options['scale']}; p50 to p99.9: virtual cycles of a miss"
    steps = "cycles of a step, and kernel entries + thread switches in it"
    return [
        *_table(steps, *_steps(report["steps"]), _FIRST_OF_STEPS, width),
        *_table(title, *headings_and_rows(report["runs"]), _FIRST, width),
    ]


def _steps(steps: Mapping[str, Run]) -> tuple[list[str], list[list[str]]]:
    headings = ["mechanism", *_STEPS.values(), *(f"in: {name}" for name in _PARTS.values()), "lines of code"]
    rows = []
    for mechanism, told in steps.items():
        cycles = ["-" if told.get(key) is None else _number(told[key]) for key in _STEPS]
        rows.append([mechanism, *cycles, *(_crossings(told.get(part)) for part in _PARTS), str(told["lines"])])
    return headings, rows


def _crossings(counts: Run | None) -> str:
    return "-" if counts is None else f"{_number(counts['kernel_entries'])} + {_number(counts['context_switches'])}"


def _number(value: float) -> str:
    """Without decimals from 100 on, and without -0.0."""
    return f"{value + 0.0:,.0f}" if value >= 100 else f"{round(value, 1) + 0.0:,.1f}"


def headings_and_rows(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """The runs as a table of text."""
    head = ("mechanism", "quota", "threads", "cores")
    rows = [
        [run["mechanism"], *(f"{run[name]:g}" for name in head[1:]), *(show(run) for show in _COLUMNS.values())]
        for run in runs
    ]
    if any("uncertainty" in run for run in runs):
        for run, row in zip(runs, rows, strict=True):
            row.append(_method(run.get("uncertainty")))
        return [*head, *_COLUMNS, "draws are"], rows
    return [*head, *_COLUMNS], rows


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], first: Sequence[str], width: int
) -> list[Table | str]:
    """The table, with a line between the mechanisms that have several rows."""
    chosen = fitting_columns(headings, rows, first, width)
    table = Table(title=title, header_style="bold")
    for index in chosen:
        table.add_column(headings[index], justify="right" if index else "left", no_wrap=True)
    several = len({row[0] for row in rows}) < len(rows)
    for before, row in zip([rows[0], *rows] if rows else [], rows, strict=False):
        if several and before[0] != row[0]:
            table.add_section()
        table.add_row(*(row[index] for index in chosen))
    told = left_out(headings, rows, chosen)
    return [table, told] if told else [table]


def _within(run: Run, name: str, unit: float, places: int) -> str:
    """Where most draws of the profile's costs lie, on a line of its own."""
    found = run.get("uncertainty", {}).get(name)
    return "" if found is None else f"\n[{found[0] / unit:,.{places}f}, {found[2] / unit:,.{places}f}]"


def _method(drawn: Run | None) -> str:
    if drawn is None:
        return "-"
    return f"{drawn['method']}\noff {drawn['off']:.1f} %" if drawn["off"] else str(drawn["method"])


def _cycles(run: Run, name: str) -> str:
    value = run["misses"][name]
    return "-" if value is None else f"{value:,}"
