"""What the benchmarks have in common: run a workload in each mode, then report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import typer

import pffemu
from guest.handlers import Handler
from guest.workloads import BfsWorkload, FaultWorkload, Workload
from kernel_model.mechanisms import Handles, Mode
from pffemu.cli import foreground
from pffemu.cli.measure import Setup, measure
from pffemu.cli.terminal import check_writable, err_console, out_console, say, write_text
from pffemu.cli.uncertain import NO_DRAWS, Draws, with_draws, with_scatter
from pffemu.errors import UsageError
from pffemu.report import plot
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine
from pffemu.report.summary import RunSummary, report_of
from pffemu.report.table import run_tables
from pffemu.report.uncertainty_table import scatter_table, uncertainty_tables

WRONG_ANSWER = 1
TOLD: Final = ("mode", "cpus", "ram", "profile")  # options of a machine that a report tells by themselves


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a benchmark's report goes."""

    json: str | None = None
    host_stats: bool = False
    plot: Path | None = None
    csv: str | None = None

    def check(self) -> None:
        """Raises UsageError, or PffemuError without matplotlib, before anything has run."""
        check_writable(self.json)
        check_writable(self.csv)
        check_writable(self.plot)
        if self.plot is not None:
            plot.check(self.plot)


def run_benchmark(
    command: str,
    title: str,
    make: Callable[[], Workload],
    parameters: Mapping[str, Any],
    modes: tuple[Mode, ...],
    setup: Setup,
    outputs: Outputs,
    handlers: Sequence[Handler] = (Handler.READ,),
    draws: Draws = NO_DRAWS,
) -> None:
    """Run what `make` makes in each of `modes`; exit code 1 when an answer is wrong."""
    outputs.check()
    if setup.trace is not None and len(modes) != 1:
        raise UsageError("a trace holds one run", where="--trace", remedy="choose one mode, as in --mode pff")
    workload = foreground.prepare(make, ProgressLine(err_console, title), "building the input")
    setup = replace(setup, clocks=draws.any)
    measured = [(one, mode, measure(one, mode, setup)) for mode in modes for one in variants(workload, mode, handlers)]
    runs = [one.summary for _, _, one in measured]
    scatter = with_scatter(draws, measured, setup) if draws.scatter else {}
    uncertainty = with_draws(draws, measured, setup) if draws.count is not None else None
    chosen = {
        **parameters,
        "modes": [mode.value for mode in modes],
        "handlers": [handler.value for handler in handlers],
        "cpus": setup.cpus,
        "ram": setup.ram_for(workload),
        "profile": setup.profile.name,
        "profile_hash": setup.profile.digest,
    }
    out = out_console(to_stderr="-" in (outputs.json, outputs.csv))
    out.print(title, *run_tables(runs, out.width, host_stats=outputs.host_stats), sep="\n", markup=False)
    told = report_of(pffemu.__version__, command, chosen, runs, host_stats=outputs.host_stats)
    if scatter:
        out.print(scatter_table(scatter), markup=False)
        latencies = {name: latency.to_json() for name, latency in scatter.items()}
        told["scatter"] = {"seed": draws.seed, "latency": latencies}
    if uncertainty is not None:
        out.print(*uncertainty_tables(uncertainty), sep="\n", markup=False, soft_wrap=True)
        told["uncertainty"] = uncertainty.to_json()
    if outputs.json is not None:
        write_text(json.dumps(told, indent=2), outputs.json)
    if outputs.csv is not None:
        write_text(to_csv(rows(told)).rstrip("\n"), outputs.csv)
    if outputs.plot is not None:
        plot.draw({title: runs}, outputs.plot, setup.profile.name)
    complain(runs)


def variants(workload: Workload, mode: Mode, handlers: Sequence[Handler]) -> list[Workload]:
    """`workload` with each handler; modes other than userfaultfd ignore the handler, so there with the first only."""
    if not isinstance(workload, FaultWorkload | BfsWorkload):
        return [workload]
    return [
        replace(workload, handler=one)
        for one in (handlers if mode.mechanism.handles is Handles.THREADS else (Handler.READ,))
    ]


def complain(runs: list[RunSummary]) -> None:
    """Exit with 1 when a run's answer is wrong."""
    wrong = [run.mode for run in runs if run.correct is False]
    if wrong:
        say(f"error: wrong answer in mode {', '.join(wrong)}\n  try: the same command with --trace, one mode at a time")
        raise typer.Exit(WRONG_ANSWER)
