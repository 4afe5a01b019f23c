"""The options of `pffemu compare`, and the lists of numbers in them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from guest.caching.workload import MOST_BATCH, MOST_FRAMES, MOST_THREADS, Policy
from guest.caching.workloads import SCALES, WORKLOADS
from pffemu.errors import UsageError

Point = TypeVar("Point")


class StoreChoice(Enum):
    """Where a workload's file is."""

    MEMORY = "memory"
    DISK = "disk"


Subject = Annotated[
    str, typer.Argument(metavar="WORKLOAD|PROGRAM", help=f"One of {', '.join(WORKLOADS)}; or your own program.")
]
Arguments = Annotated[list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of your program.")]
Mechanism = Annotated[str, typer.Option(metavar="NAME,NAME...", help="Mechanisms, or all.")]
Quota = Annotated[str, typer.Option(metavar="F,F...", help="Fractions of the workload's pages that may be in memory.")]
Threads = Annotated[str, typer.Option(metavar="N,N...", help="Numbers of threads, each on a core of its own.")]
Scale = Annotated[int, typer.Option(min=SCALES[0], max=SCALES[-1], help="The file has about 2^SCALE * 256 bytes.")]
PolicyOption = Annotated[Policy, typer.Option(help="Page that leaves.")]
Batch = Annotated[int, typer.Option(min=1, max=MOST_BATCH, help="Pages that leave together.")]
Handlers = Annotated[int, typer.Option(min=1, max=MOST_THREADS, help="Handler threads, where a mechanism has them.")]
Spare = Annotated[
    int, typer.Option(min=0, help="Pages that an evictor thread keeps free; 0: threads evict when they need room.")
]
Frames = Annotated[int, typer.Option(min=0, max=MOST_FRAMES, help="Frames of each core's ring, under hw; 0: as pff.")]
Store = Annotated[StoreChoice, typer.Option(help="Where the file is: in memory, or on a disk, which takes its time.")]
Folder = Annotated[Path, typer.Option("--folder", help="Directory of the runs' results.")]
Jobs = Annotated[int, typer.Option(min=0, max=64, help="Processes side by side; 0: this one runs all.")]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Run on the workers of this dask scheduler, as in tcp://HOST:8786."),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only", hidden=True, help="Runs by number, in the table's order: all that a process of --jobs does."
    ),
]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw throughput as PNG, SVG or PDF (extra: plot).")
]


def quotas(text: str) -> tuple[float, ...]:
    """The fractions in --quota. Raises UsageError."""
    values: tuple[float, ...] = _numbers(text, "--quota", float)
    for value in values:
        if not 0 < value <= 1:
            raise UsageError(f"a quota of {value:g}", where="--quota", remedy="use more than 0, and 1 at most")
    return values


def threads(text: str) -> tuple[int, ...]:
    """The numbers in --threads. Raises UsageError."""
    values: tuple[int, ...] = _numbers(text, "--threads", int)
    for value in values:
        if not 1 <= value <= MOST_THREADS:
            raise UsageError(f"{value} threads are not possible", where="--threads", remedy=f"use 1 to {MOST_THREADS}")
    return values


def only(text: str | None, points: Sequence[Point]) -> list[Point]:
    """Those of `points` whose numbers --only has; None: all. Raises UsageError."""
    if text is None:
        return list(points)
    numbers: tuple[int, ...] = _numbers(text, "--only", int)
    for number in numbers:
        if not 0 <= number < len(points):
            raise UsageError(f"there is no run {number}", where="--only", remedy=f"use 0 to {len(points) - 1}")
    return [points[number] for number in numbers]


def _numbers(text: str, option: str, kind: Any) -> tuple[Any, ...]:
    try:
        values = tuple(dict.fromkeys(kind(part) for part in text.split(",") if part.strip()))
    except ValueError:
        values = ()
    if not values:
        raise UsageError(
            f"{text!r} is not a list of numbers", where=option, remedy="separate them by commas, as in 1,4"
        )
    return values
