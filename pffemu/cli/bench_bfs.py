"""pffemu bench bfs: breadth-first search over an R-MAT graph."""

from __future__ import annotations

from typing import Annotated

import typer

from guest.graphs import EDGE_FACTORS, SCALES
from guest.workloads import bfs_workload
from pffemu.cli import options
from pffemu.cli.bench import Outputs, run_benchmark
from pffemu.cli.measure import Setup


def bench_bfs(
    scale: Annotated[int, typer.Option(min=SCALES[0], max=SCALES[-1], help="The graph has 2^SCALE vertices ...")],
    edge_factor: Annotated[
        int,
        typer.Option(
            min=EDGE_FACTORS[0], max=EDGE_FACTORS[-1], help="... and so many edges a vertex, in both directions."
        ),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another graph.")] = 1,
    mode: options.BenchModes = [],  # noqa: B006
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
    json: options.Json = None,
    host_stats: options.HostStats = False,
    plot: options.Plot = None,
    trace: options.Trace = None,
) -> None:
    """Search an R-MAT graph whose arrays come in page by page; the levels are checked against a BFS in numpy.

    Example: pffemu bench bfs --scale 18 --edge-factor 16 --mode uffd --mode pff
    """
    run_benchmark(
        "bench bfs",
        f"BFS: R-MAT, scale {scale}, edge factor {edge_factor}, seed {seed}",
        lambda: bfs_workload(scale, edge_factor, seed),
        {"scale": scale, "edge_factor": edge_factor, "seed": seed},
        options.chosen_modes(mode),
        Setup(cpus, ram, trace),
        Outputs(json, host_stats, plot),
    )
