"""pffemu bench sweep: a benchmark over every combination of some options' values, in processes side by side.

A point whose report exists is not run again: after a kill, the same command continues the sweep (point_processes).
"""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import pffemu
from pffemu.cli import foreground, options
from pffemu.cli.point_processes import Point, Runner, make_folder, result_key
from pffemu.cli.terminal import check_writable, err_console, out_console, write_text
from pffemu.errors import UsageError
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine
from pffemu.report.sweep_table import told_of_points
from pffemu.timing import DEFAULT_PROFILE, load_profile

_BENCHMARKS: Final = ("fault", "bfs", "ioctl")
_OURS: Final = ("--json", "--csv", "--plot", "--trace", "--host-stats")
_MOST: Final = 10_000  # points


def bench_sweep(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(help="Benchmark: fault, bfs or ioctl; its own options follow.")],
    vary: Annotated[
        list[str], typer.Option(metavar="OPTION=VALUE,VALUE...", help="An option and its values; may be repeated.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Directory of the points' reports.")] = Path("sweep"),
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Number of parallel processes.")] = 2,
    uncertainty: options.Uncertainty = None,
    draw_seed: options.DrawSeed = 0,
    json: options.Json = None,
    csv: options.Csv = None,
) -> None:
    """Run a benchmark for every combination of values, in parallel; the same command continues after a kill.

    Options of the sweep go before the benchmark's name.

    Example: pffemu bench sweep --vary resident=0.25,0.5,1 bfs --scale 12 --edge-factor 16
    """
    check_writable(json)
    check_writable(csv)
    given = [_parsed(text) for text in vary]
    varied = dict(given)
    if len(varied) != len(given):
        raise UsageError("an option is varied twice", where="--vary", remedy="all its values in one --vary")
    arguments = [*context.args, *_drawn(uncertainty, draw_seed)]
    points = _points(benchmark, varied, arguments, folder)
    missing = [point for point in points if point.report() is None]
    runner = Runner()
    progress = ProgressLine(err_console, f"sweep of bench {benchmark}", len(points))
    there = len(points) - len(missing)
    try:
        foreground.call(
            lambda: runner.run(missing, jobs),
            show=lambda: progress.update(f"{there + runner.done} of {len(points)} points", there + runner.done),
            stop=runner.stop,
        )
    finally:
        progress.clear()
    told: dict[str, Any] = {
        "version": pffemu.__version__,
        "command": "bench sweep",
        "options": {"benchmark": benchmark, "arguments": arguments, "vary": varied},
        "points": [{"values": point.values, "report": point.report()} for point in points],
    }
    table = rows(told)
    if csv is not None:
        write_text(to_csv(table).rstrip("\n"), csv)
    if json is not None:
        write_text(json_text.dumps(told, indent=2), json)
    out = out_console(to_stderr="-" in (json, csv))
    out.print(f"{len(points)} points, {there} of them from before, in {folder}", markup=False)
    for line in told_of_points(told["points"]):
        out.print(f"  {line}", markup=False, soft_wrap=True)


def _drawn(count: int | None, seed: int) -> list[str]:
    return [] if count is None else ["--uncertainty", str(count), "--draw-seed", str(seed)]


def _parsed(text: str) -> tuple[str, list[str]]:
    name, given, values = text.partition("=")
    chosen = [value for value in values.split(",") if value]
    if not given or not name or not chosen:
        raise UsageError(f"{text!r} is not an option with values", where="--vary", remedy="as in --vary pages=256,1024")
    return name.removeprefix("--"), list(dict.fromkeys(chosen))


def _points(benchmark: str, varied: dict[str, list[str]], arguments: Sequence[str], folder: Path) -> list[Point]:
    if benchmark not in _BENCHMARKS:
        raise UsageError(f"no benchmark {benchmark!r}", where="bench sweep", remedy=f"one of {', '.join(_BENCHMARKS)}")
    used = [*(argument.split("=")[0] for argument in arguments), *(f"--{name}" for name in varied)]
    taken = [name for name in _OURS if name in used]
    if taken:
        raise UsageError(f"{taken[0]} belongs to the sweep", where="bench sweep", remedy="put it before the benchmark")
    combinations = list(product(*varied.values()))
    if len(combinations) > _MOST:
        raise UsageError(f"{len(combinations):,} points", where="--vary", remedy=f"at most {_MOST:,}")
    make_folder(folder)
    return [_point(benchmark, dict(zip(varied, one, strict=True)), arguments, folder) for one in combinations]


def _point(benchmark: str, values: dict[str, str], arguments: Sequence[str], folder: Path) -> Point:
    command = ["bench", benchmark, *arguments, *(f"--{name}={value}" for name, value in values.items())]
    profile = next((word.partition("=")[2] for word in command if word.startswith("--profile=")), None)
    if profile is None and "--profile" in arguments[:-1]:
        profile = arguments[list(arguments).index("--profile") + 1]
    key = result_key(load_profile(profile or DEFAULT_PROFILE), command)
    return Point(values, command, folder / f"{benchmark}-{key}.json")
