"""pffemu bench fault: the synthetic benchmark, with one fault a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from guest.workloads import MOST_PAGES, MOST_THREADS, FaultWorkload
from pffemu.cli import options
from pffemu.cli.bench import TOLD, Outputs, run_benchmark
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.measure import Setup
from pffemu.cli.uncertain import Draws
from pffemu.errors import UsageError
from pffemu.machine.options import MachineOptions


@chooses_machine
def bench_fault(
    machine: MachineChoice,
    pages: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Pages to touch, once each.")] = 1024,
    write: Annotated[bool, typer.Option("--write", help="Write to the pages instead of reading them.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Touch in a fixed random order, not ascending.")] = False,
    copy: Annotated[
        bool, typer.Option("--copy/--zero", help="Resolve with UFFDIO_COPY from a backing mapping, or with ZEROPAGE.")
    ] = True,
    threads: Annotated[
        int,
        typer.Option(min=1, max=MOST_THREADS, help="Threads that fault; more cores than --cpus are added for them."),
    ] = 1,
    minor: Annotated[
        bool,
        typer.Option("--minor", help="Minor faults: the pages are in a memfd's page cache, UFFDIO_CONTINUE maps them."),
    ] = False,
    handler_threads: Annotated[
        int, typer.Option(min=1, max=MOST_THREADS, help="Handler threads (userfaultfd); cores are added for them, too.")
    ] = 1,
    own_areas: Annotated[bool, typer.Option("--own-areas", help="An area of its own for each thread.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=0, help="Mode hw: frames of each core's ring; as many as pages by default.")
    ] = None,
    low: Annotated[int, typer.Option(min=0, help="Mode hw: refill a ring with fewer frames, in the background.")] = 0,
    batch: Annotated[int, typer.Option(min=0, help="Mode hw: frames of a refill.")] = 0,
    mode: options.BenchModes = [],  # noqa: B006
    handler: options.Handlers = [],  # noqa: B006
    ram: options.Ram = None,
    json: options.Json = None,
    csv: options.Csv = None,
    host_stats: options.HostStats = False,
    plot: options.Plot = None,
    trace: options.Trace = None,
    uncertainty: options.Uncertainty = None,
    scatter: options.Scatter = False,
    draw_seed: options.DrawSeed = 0,
) -> None:
    """Touch every page of a region once, and let the mode bring each one in.

    Example: pffemu bench fault --pages 4096 --random --zero --json -
    """
    _check(minor, copy, frames, low, batch)
    workload = FaultWorkload(
        pages, write, random, copy, threads, minor=minor, handler_threads=handler_threads, frames=frames, low=low,
        batch=batch, own_areas=own_areas,
    )  # fmt: skip
    fill = "continue" if minor else "copy" if copy else "zero"
    kind = f"{'random' if random else 'ascending'} {'writes' if write else 'reads'}, {fill}"
    run_benchmark(
        "bench fault",
        f"Fault benchmark: {pages:,} pages, {kind}",
        lambda: workload,
        _parameters(workload) | machine.told(*TOLD),
        options.chosen_modes(mode),
        Setup(_with_cores(machine.options, threads, handler_threads), ram, trace),
        Outputs(json, host_stats, plot, csv),
        options.chosen_handlers(handler),
        Draws(uncertainty, draw_seed, scatter),
    )


def _parameters(workload: FaultWorkload) -> dict[str, Any]:
    """What the JSON says of the workload."""
    rings = {} if workload.frames is None else {"frames": workload.frames, "low": workload.low, "batch": workload.batch}
    return {
        "pages": workload.pages,
        "write": workload.write,
        "random": workload.random,
        "copy": workload.copy and not workload.minor,
        "minor": workload.minor,
        "threads": workload.threads,
        "handler_threads": workload.handler_threads,
        "own_areas": workload.own_areas,
        **rings,
    }


def _check(minor: bool, copy: bool, frames: int | None, low: int, batch: int) -> None:
    """Raises UsageError for options that exclude each other."""
    if minor and not copy:
        raise UsageError("minor faults are resolved with UFFDIO_CONTINUE", where="--minor", remedy="leave --zero out")
    if frames is None and (low or batch):
        raise UsageError("only a ring of a given size is refilled", where="--low, --batch", remedy="add --frames N")


def _with_cores(machine: MachineOptions, threads: int, handler_threads: int) -> MachineOptions:
    """The machine with a core a thread where there are several of a kind; else as it is, so that two can share one."""
    if threads == handler_threads == 1:
        return machine
    return replace(machine, cpus=max(machine.cpus, threads + handler_threads))
