"""pffemu bench bfs: breadth-first search over an R-MAT graph."""

from __future__ import annotations

from typing import Annotated

import typer

from guest.graphs import EDGE_FACTORS, SCALES
from guest.handlers import Eviction
from guest.workloads import bfs_workload, resident_fraction, with_resident
from pffemu.cli import options
from pffemu.cli.bench import TOLD, Outputs, run_benchmark
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.measure import Setup
from pffemu.cli.uncertain import Draws


@chooses_machine
def bench_bfs(
    machine: MachineChoice,
    scale: Annotated[int, typer.Option(min=SCALES[0], max=SCALES[-1], help="The graph has 2^SCALE vertices.")],
    edge_factor: Annotated[
        int,
        typer.Option(min=EDGE_FACTORS[0], max=EDGE_FACTORS[-1], help="Edges a vertex, each in both directions."),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random graph.")] = 1,
    resident: Annotated[
        float,
        typer.Option(help="Fraction of the graph that fits in memory; beyond it, the handler evicts (not kernel)."),
    ] = 1.0,
    evict: Annotated[
        Eviction, typer.Option(help="Page that is evicted: the oldest (FIFO), or CLOCK's choice.")
    ] = Eviction.FIFO,
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
    """Search an R-MAT graph whose arrays are brought in page by page; numpy checks the levels.

    Example: pffemu bench bfs --scale 18 --edge-factor 16 --mode uffd --mode pff
    """
    fraction = resident_fraction(resident)
    run_benchmark(
        "bench bfs",
        f"BFS: R-MAT, scale {scale}, edge factor {edge_factor}, seed {seed}{_limited(resident, evict)}",
        lambda: with_resident(bfs_workload(scale, edge_factor, seed), fraction, evict),
        {"scale": scale, "edge_factor": edge_factor, "seed": seed, "resident": resident, "evict": evict.value}
        | machine.told(*TOLD),
        options.chosen_modes(mode),
        Setup(machine.options, ram, trace),
        Outputs(json, host_stats, plot, csv),
        options.chosen_handlers(handler),
        Draws(uncertainty, draw_seed, scatter),
    )


def _limited(resident: float, evict: Eviction) -> str:
    return "" if resident == 1 else f", {resident:.0%} resident ({evict.value})"
