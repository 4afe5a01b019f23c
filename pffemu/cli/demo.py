"""pffemu demo: userfaultfd and PFF side by side, on the fault benchmark and on BFS over a real graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from guest.workloads import FaultWorkload, Workload, bfs_workload
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground, options
from pffemu.cli.bench import complain
from pffemu.cli.measure import Measured, Setup, describe_guest, measure
from pffemu.cli.terminal import check_writable, err_console, out_console
from pffemu.report import plot as figure
from pffemu.report.progress import ProgressLine
from pffemu.report.summary import RunSummary
from pffemu.report.table import run_table
from pffemu.report.timeline import one_fault_title, timeline
from pffemu.timing import DEFAULT_PROFILE, load_profile

PAGES: Final = 1024
SCALE, EDGE_FACTOR, SEED = 14, 16, 1
FAULTS_TITLE: Final = f"Fault benchmark: {PAGES:,} pages, copy"
BFS_TITLE: Final = f"BFS: R-MAT, scale {SCALE}, edge factor {EDGE_FACTOR}"


def demo(
    plot: Annotated[Path, typer.Option(metavar="FILE", help="File of the figure: PNG, SVG or PDF.")] = Path(
        "pffemu-demo.png"
    ),
    profile: options.MachineProfile = DEFAULT_PROFILE,
) -> None:
    """Show what page fault forwarding saves: counts, one fault step by step, virtual time, a figure. Takes seconds.

    Example: pffemu demo --plot out.png
    """
    if figure.available():
        figure.check(plot)
        check_writable(plot)
    machine = load_profile(profile)
    out = out_console()
    faults = FaultWorkload(PAGES)
    shown = Setup.of(machine, shown_fault=PAGES // 2 + 1)
    compared = [measure(faults, mode, shown) for mode in (Mode.UFFD, Mode.PFF)]
    _show_faults(out, compared, machine.name, describe_guest(faults))
    graph: Workload = foreground.prepare(
        lambda: bfs_workload(SCALE, EDGE_FACTOR, SEED), ProgressLine(err_console, "BFS"), "building the graph"
    )
    searched = [measure(graph, mode, Setup.of(machine)).summary for mode in (Mode.KERNEL, Mode.UFFD, Mode.PFF)]
    out.print(BFS_TITLE, run_table(searched), sep="\n", markup=False)
    out.print()
    summaries = [one.summary for one in compared]
    _show_hashes(out, [*summaries, *searched])
    _draw(out, {FAULTS_TITLE: summaries, BFS_TITLE: searched}, plot, machine.name)
    complain([*summaries, *searched])


def _show_faults(out: Console, compared: list[Measured], profile: str, describe: Callable[[int], str]) -> None:
    out.print(FAULTS_TITLE, run_table([one.summary for one in compared]), sep="\n", markup=False)
    out.print()
    for one in compared:
        title = one_fault_title(one.summary.mode, profile)
        out.print(timeline(one.one_fault, title, describe), markup=False, soft_wrap=True)
        out.print()
    for one in compared:
        out.print(_path(one.summary), markup=False, soft_wrap=True)
    out.print()


def _path(run: RunSummary) -> str:
    """The path of a fault, in one line of exact counts."""
    count = run.counts
    if run.mode == Mode.PFF.value:
        return (
            f"pff:   {count['faults']:,} faults, {count['forwarded']:,} deliveries, {count['uirets']:,} UIRETs, "
            f"{count['handler_threads']} handler threads, {count['wakes']} wakes"
        )
    return (
        f"uffd:  {count['faults']:,} faults -> {count['uffd_messages']:,} messages -> wake -> "
        f"{count['handler_threads']} handler thread -> ioctl -> wake ({count['wakes']:,} wakes, "
        f"{count['context_switches']:,} context switches)"
    )


def _show_hashes(out: Console, runs: list[RunSummary]) -> None:
    out.print("Trace hashes (the same every time):")
    for run, benchmark in zip(runs, ("faults", "faults", "bfs", "bfs", "bfs"), strict=True):
        out.print(f"  {benchmark:<6} {run.mode:<6} {run.trace_hash}", markup=False, soft_wrap=True)
    out.print()


def _draw(out: Console, benchmarks: dict[str, list[RunSummary]], path: Path, profile: str) -> None:
    if not figure.available():
        out.print("No figure: matplotlib is not installed. Try: pip install 'pffemu[plot]'", markup=False)
        return
    figure.draw(benchmarks, path, profile)
    out.print(f"Figure: {path}", markup=False, soft_wrap=True)
