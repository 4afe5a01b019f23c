"""pffemu bench sweep: a benchmark over every combination of some options' values, in processes side by side.

Each point is one process that writes its report to a file of its own. A point whose report exists is not run again:
after a kill, the same command continues the sweep.
"""

from __future__ import annotations

import hashlib
import json as json_text
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import guest
import kernel_model
import pffemu
from pffemu.cli import foreground, options
from pffemu.cli.terminal import check_writable, err_console, out_console, write_text
from pffemu.errors import PffemuError, UsageError
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine
from pffemu.timing import DEFAULT_PROFILE, load_profile

_BENCHMARKS: Final = ("fault", "bfs", "ioctl")
_OURS: Final = ("--json", "--csv", "--plot", "--trace", "--host-stats")
_CODE: Final = (".py", ".s", ".inc", ".toml")
_USAGE: Final = 2  # exit code
_MOST: Final = 10_000  # points
_LAST_WORDS: Final = 300  # characters of a failed point's message


@dataclass(frozen=True, slots=True)
class Point:
    values: dict[str, str]
    command: list[str]
    result: Path

    def report(self) -> Any:
        """The report of an earlier run; None when there is none, or an incomplete one."""
        try:
            told = json_text.loads(self.result.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return told if isinstance(told, dict) and told.get("runs") else None


class PointFailed(PffemuError):
    """Some points' processes failed; the results of the others are kept."""


class PointRefused(PointFailed):
    """A point's command was wrong, and so most likely are all others."""

    exit_code = UsageError.exit_code


@dataclass(slots=True)
class _Runner:
    running: set[subprocess.Popen[str]] = field(default_factory=set)
    failed: list[PointFailed] = field(default_factory=list)
    stopped: bool = False
    done: int = 0

    def run(self, points: Sequence[Point], jobs: int) -> None:
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self._one, point) for point in points]
            try:
                for future in as_completed(futures):
                    future.result()
                    self.done += 1
            except BaseException:
                self.stop()
                raise
        if self.failed:
            first, more = self.failed[0], len(self.failed) - 1
            others = f"; {more} more points failed" if more else ""
            raise PointFailed(f"{first.what}{others}", where=first.where, remedy="the same command retries what failed")

    def stop(self) -> None:
        self.stopped = True
        for process in list(self.running):
            with suppress(OSError):
                process.terminate()

    def _one(self, point: Point) -> None:
        if self.stopped:
            return
        unfinished = point.result.with_suffix(f".{os.getpid()}")
        command = [sys.executable, "-m", "pffemu", *point.command, "--json", str(unfinished)]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
        self.running.add(process)
        try:
            _, told = process.communicate()
        finally:
            self.running.discard(process)
        if process.returncode == 0:
            unfinished.replace(point.result)
            return
        with suppress(OSError):
            unfinished.unlink()
        if not self.stopped:
            where = " ".join(["pffemu", *point.command])
            kind = PointRefused if process.returncode == _USAGE else PointFailed
            failure = kind(_message(told) or f"exit code {process.returncode}", where=where)
            if isinstance(failure, PointRefused):
                raise failure
            self.failed.append(failure)


def bench_sweep(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(help="Benchmark: fault, bfs or ioctl; its own options follow.")],
    vary: Annotated[
        list[str], typer.Option(metavar="OPTION=VALUE,VALUE...", help="An option and its values; may be repeated.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Directory of the points' reports.")] = Path("sweep"),
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Number of parallel processes.")] = 2,
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
    points = _points(benchmark, varied, context.args, folder)
    missing = [point for point in points if point.report() is None]
    runner = _Runner()
    progress = ProgressLine(err_console(), f"sweep of bench {benchmark}", len(points))
    there = len(points) - len(missing)
    try:
        foreground.call(
            lambda: runner.run(missing, jobs),
            show=lambda: progress.update(f"{there + runner.done} of {len(points)} points", there + runner.done),
            stop=runner.stop,
        )
    finally:
        progress.clear()
    told = {
        "version": pffemu.__version__,
        "command": "bench sweep",
        "options": {"benchmark": benchmark, "arguments": context.args, "vary": varied},
        "points": [{"values": point.values, "report": point.report()} for point in points],
    }
    table = rows(told)
    if csv is not None:
        write_text(to_csv(table).rstrip("\n"), csv)
    if json is not None:
        write_text(json_text.dumps(told, indent=2), json)
    out = out_console(to_stderr="-" in (json, csv))
    out.print(f"{len(points)} points, {there} of them from before, in {folder}", markup=False)
    for row in table:
        values = ", ".join(f"{name.removeprefix('vary_')} {row[name]}" for name in row if name.startswith("vary_"))
        measured = row.get("cycles", row.get("total"))
        out.print(f"  {values}: {row['mode']} {row.get('handler', '')}: {measured:,} cycles", markup=False)


def _message(told: str) -> str:
    """A failed process's last message, on one line; typer puts its messages in a box."""
    boxed = [line.strip(" │") for line in told.splitlines() if line.startswith("│")]
    return " ".join(boxed) or told.strip()[-_LAST_WORDS:].removeprefix("pffemu: error: ")


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder), remedy="another --folder") from error
    return [_point(benchmark, dict(zip(varied, one, strict=True)), arguments, folder) for one in combinations]


@cache
def _code() -> str:
    """SHA-256 of pffemu's own files: a report that another version wrote is measured again."""
    found = hashlib.sha256()
    for package in (pffemu, kernel_model, guest):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.suffix in _CODE:
                found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _point(benchmark: str, values: dict[str, str], arguments: Sequence[str], folder: Path) -> Point:
    command = ["bench", benchmark, *arguments, *(f"--{name}={value}" for name, value in values.items())]
    profile = next((word.partition("=")[2] for word in command if word.startswith("--profile=")), None)
    if profile is None and "--profile" in arguments[:-1]:
        profile = arguments[list(arguments).index("--profile") + 1]
    digest = load_profile(profile or DEFAULT_PROFILE).digest
    key = hashlib.sha256(json_text.dumps([pffemu.__version__, _code(), digest, command]).encode()).hexdigest()
    return Point(values, command, folder / f"{benchmark}-{key[:16]}.json")
