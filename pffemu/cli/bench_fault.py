"""pffemu bench fault: the synthetic benchmark, one fault a page."""

from __future__ import annotations

from typing import Annotated

import typer

from guest.workloads import MOST_PAGES, FaultWorkload
from pffemu.cli import options
from pffemu.cli.bench import Outputs, run_benchmark
from pffemu.cli.measure import Setup


def bench_fault(
    pages: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Pages to touch, once each.")] = 1024,
    write: Annotated[bool, typer.Option("--write", help="Touch by writing, not reading.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Touch in a fixed random order, not ascending.")] = False,
    copy: Annotated[
        bool, typer.Option("--copy/--zero", help="UFFDIO_COPY from a backing mapping, or ZEROPAGE.")
    ] = True,
    mode: options.BenchModes = [],  # noqa: B006
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
    json: options.Json = None,
    host_stats: options.HostStats = False,
    plot: options.Plot = None,
    trace: options.Trace = None,
) -> None:
    """Touch every page of a region once, and let the mode bring each one in.

    Example: pffemu bench fault --pages 4096 --random --zero --json -
    """
    workload = FaultWorkload(pages, write, random, copy)
    kind = f"{'random' if random else 'ascending'} {'writes' if write else 'reads'}, {'copy' if copy else 'zero'}"
    run_benchmark(
        "bench fault",
        f"Fault benchmark: {pages:,} pages, {kind}",
        lambda: workload,
        {"pages": pages, "write": write, "random": random, "copy": copy},
        options.chosen_modes(mode),
        Setup(cpus, ram, trace),
        Outputs(json, host_stats, plot),
    )
