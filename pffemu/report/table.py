"""A table of runs: one column a mode, one row a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from pffemu.report.stages import PARTS
from pffemu.report.summary import RunSummary

BASELINE: Final = "uffd"

_COUNTS: Final = {
    "faults": "faults (refused walks)",
    "forwarded": "deliveries to ring 3",
    "uirets": "UIRETs",
    "uffd_messages": "userfaultfd messages",
    "wakes": "wakes",
    "context_switches": "context switches",
    "kernel_entries": "kernel entries",
    "handler_threads": "handler threads",
    "instructions": "guest instructions",
}


def run_tables(runs: Sequence[RunSummary], width: int, *, host_stats: bool = False) -> list[Table]:
    """`runs` side by side, as many in a table as fit into `width` columns."""
    for fit in range(len(runs), 0, -1):
        tables = [
            run_table(runs[start : start + fit], host_stats=host_stats, compared=runs)
            for start in range(0, len(runs), fit)
        ]
        if fit == 1 or all(_width_of(table) <= width for table in tables):
            return tables
    return []


def _width_of(table: Table) -> int:
    console = Console(width=10_000)
    return Measurement.get(console, console.options, table).maximum


def run_table(
    runs: Sequence[RunSummary], *, host_stats: bool = False, compared: Sequence[RunSummary] | None = None
) -> Table:
    """`runs` side by side, times in virtual cycles; compared with the first uffd run of `compared`, if there is one."""
    compared = runs if compared is None else compared
    table = Table(header_style="bold")
    table.add_column("times in virtual cycles", no_wrap=True)
    for run in runs:
        table.add_column(run.name, justify="right", no_wrap=True)

    def row(name: str, value: Callable[[RunSummary], str]) -> None:
        table.add_row(name, *(value(run) for run in runs))

    for key, name in _COUNTS.items():
        row(name, lambda run, key=key: f"{run.counts[key]:,}")  # type: ignore[misc]
    table.add_section()
    row("path of the faults below", lambda run: run.main_path or "-")
    row("  faults", lambda run: _latency(run, "faults"))
    row("  latency, median", lambda run: _latency(run, "median"))
    row("    minimum", lambda run: _latency(run, "minimum"))
    row("    99th percentile", lambda run: _latency(run, "p99"))
    row("    mean", lambda run: f"{run.cycles_per_fault:,.0f}")
    for part in PARTS:
        row(f"      {part}", lambda run, part=part: _per_fault(run, part))  # type: ignore[misc]
    for path in dict.fromkeys(path for run in runs for path in run.stages if path != run.main_path):
        row(f"by {path}, faults", lambda run, path=path: _other(run, path, "faults"))  # type: ignore[misc]
        row("  latency, median", lambda run, path=path: _other(run, path, "median"))  # type: ignore[misc]
    table.add_section()
    row("time, measured part", lambda run: f"{run.cycles:,}")
    for kind in ("application", "handling", "waiting"):
        row(f"  {kind}", lambda run, kind=kind: f"{run.time_split[kind]:,}")  # type: ignore[misc]
    if any(run.stalls for run in runs):
        row("  all threads wait for memory", lambda run: f"{run.stalls:,}")
    baseline = next((run for run in compared if run.mode == BASELINE), None)
    if baseline is not None and len(compared) > 1:
        row("speedup per fault", lambda run: _ratio(baseline.cycles_per_fault, run.cycles_per_fault))
        row("speedup, measured part", lambda run: _ratio(baseline.cycles, run.cycles))
    table.add_section()
    row("answer", lambda run: {True: "right", False: "[bold red]WRONG[/]", None: "-"}[run.correct])
    row("trace hash", lambda run: run.trace_hash[:12])
    if host_stats:
        row("host seconds", lambda run: f"{run.host.seconds:.2f}")
        row("host peak memory, MiB", lambda run: f"{run.host.max_rss_bytes >> 20:,}")
    return table


def _latency(run: RunSummary, value: str) -> str:
    """A latency of the main path."""
    return f"{getattr(run.latency[run.main_path], value):,}" if run.main_path in run.latency else "-"


def _other(run: RunSummary, path: str, value: str) -> str:
    """A latency of a path other than the main one."""
    return f"{getattr(run.latency[path], value):,}" if path in run.latency and path != run.main_path else "-"


def _per_fault(run: RunSummary, part: str) -> str:
    costs = run.stages.get(run.main_path)
    return f"{run.parts[run.main_path][part] / costs.faults:,.0f}" if costs is not None and costs.faults else "-"


def _ratio(baseline: float, value: float) -> str:
    return f"{baseline / value:.2f}x" if value else "-"
