"""pffemu bench fault: the synthetic benchmark, one fault a page."""

from __future__ import annotations

from typing import Annotated

import typer

from guest.workloads import MOST_PAGES, MOST_THREADS, FaultWorkload
from pffemu.cli import options
from pffemu.cli.bench import Outputs, run_benchmark
from pffemu.cli.measure import Setup
from pffemu.timing import DEFAULT_PROFILE, load_profile


def bench_fault(
    pages: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Pages to touch, once each.")] = 1024,
    write: Annotated[bool, typer.Option("--write", help="Touch by writing, not reading.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Touch in a fixed random order, not ascending.")] = False,
    copy: Annotated[
        bool, typer.Option("--copy/--zero", help="UFFDIO_COPY from a backing mapping, or ZEROPAGE.")
    ] = True,
    threads: Annotated[
        int,
        typer.Option(min=1, max=MOST_THREADS, help="Threads that fault; more cores than --cpus are added for them."),
    ] = 1,
    mode: options.BenchModes = [],  # noqa: B006
    handler: options.Handlers = [],  # noqa: B006
    profile: options.MachineProfile = DEFAULT_PROFILE,
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
    json: options.Json = None,
    csv: options.Csv = None,
    host_stats: options.HostStats = False,
    plot: options.Plot = None,
    trace: options.Trace = None,
) -> None:
    """Touch every page of a region once, and let the mode bring each one in.

    Example: pffemu bench fault --pages 4096 --random --zero --json -
    """
    workload = FaultWorkload(pages, write, random, copy, threads)
    kind = f"{'random' if random else 'ascending'} {'writes' if write else 'reads'}, {'copy' if copy else 'zero'}"
    run_benchmark(
        "bench fault",
        f"Fault benchmark: {pages:,} pages, {kind}",
        lambda: workload,
        {"pages": pages, "write": write, "random": random, "copy": copy, "threads": threads},
        options.chosen_modes(mode),
        Setup(cpus if threads == 1 else max(cpus, threads + 1), ram, trace, profile=load_profile(profile)),
        Outputs(json, host_stats, plot, csv),
        options.chosen_handlers(handler),
    )
