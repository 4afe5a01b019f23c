"""A table of runs: one column a mode, one row a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.table import Table

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


def run_table(runs: Sequence[RunSummary], *, host_stats: bool = False) -> Table:
    """`runs` side by side; costs are compared with the uffd run when there is one."""
    table = Table(header_style="bold")
    table.add_column("")
    for run in runs:
        table.add_column(run.mode, justify="right", no_wrap=True)

    def row(name: str, value: Callable[[RunSummary], str]) -> None:
        table.add_row(name, *(value(run) for run in runs))

    for key, name in _COUNTS.items():
        row(name, lambda run, key=key: f"{run.counts[key]:,}")  # type: ignore[misc]
    table.add_section()
    baseline = next((run for run in runs if run.mode == BASELINE), None)
    row("rough cycles per fault", lambda run: f"{run.cycles_per_fault:,.0f}")
    row("rough cycles, whole run", lambda run: f"{run.cycles:,}")
    if baseline is not None and len(runs) > 1:
        row("speedup per fault", lambda run: _ratio(baseline.cycles_per_fault, run.cycles_per_fault))
        row("speedup, whole run", lambda run: _ratio(baseline.cycles, run.cycles))
    table.add_section()
    row("answer", lambda run: {True: "right", False: "[bold red]WRONG[/]", None: "-"}[run.correct])
    row("trace hash", lambda run: run.trace_hash[:12])
    if host_stats:
        row("host seconds", lambda run: f"{run.host.seconds:.2f}")
        row("host peak memory, MiB", lambda run: f"{run.host.max_rss_bytes >> 20:,}")
    return table


def _ratio(baseline: float, value: float) -> str:
    return f"{baseline / value:.2f}x" if value else "-"
