"""The tables of a comparison: what each mechanism's steps cost, and one row a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.table import Table

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
_PARTS: Final = {"of_a_fill": "fill", "of_an_eviction": "evict", "of_a_write_back": "write back"}


def compare_tables(report: Mapping[str, Any]) -> list[Table]:
    """The steps of each mechanism, then the runs."""
    options = report["options"]
    return [_steps(report["steps"]), _runs(report["runs"], f"{options['workload']}, scale {options['scale']}")]


def _steps(steps: Mapping[str, Run]) -> Table:
    table = Table(title="cycles of a step, and kernel entries + thread switches in it", header_style="bold")
    table.add_column("mechanism", no_wrap=True)
    for name in (*_STEPS.values(), *(f"in: {name}" for name in _PARTS.values()), "lines of code"):
        table.add_column(name, justify="right", no_wrap=True)
    for mechanism, told in steps.items():
        cycles = ["-" if told.get(key) is None else _number(told[key]) for key in _STEPS]
        table.add_row(mechanism, *cycles, *(_crossings(told.get(part)) for part in _PARTS), str(told["lines"]))
    return table


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


def _runs(runs: Sequence[Run], title: str) -> Table:
    table = Table(title=title, header_style="bold")
    headings, rows = headings_and_rows(runs)
    for name in headings:
        table.add_column(name, justify="left" if name == "mechanism" else "right", no_wrap=True)
    for before, row in zip([rows[0], *rows] if rows else [], rows, strict=False):
        if before[0] != row[0]:
            table.add_section()
        table.add_row(*row)
    return table


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
