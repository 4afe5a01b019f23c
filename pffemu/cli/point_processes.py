"""Benchmarks as processes side by side, each with its report in a file of its own: a sweep, a comparison.

A point whose report exists is not run again: after a kill, the same command goes on where the last one ended.
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
from pathlib import Path
from typing import Any, Final

import guest
import kernel_model
import pffemu
from pffemu.cli.life_line import LifeLine, life_line
from pffemu.errors import PffemuError, UsageError
from pffemu.timing import Profile

_CODE: Final = (".py", ".s", ".inc", ".toml")
_USAGE: Final = 2  # exit code
_LAST_WORDS: Final = 300  # characters of a failed point's message


@dataclass(frozen=True, slots=True)
class Point:
    """One process: what varies, `pffemu`'s arguments, and the file of its JSON report; None: it keeps its results."""

    values: dict[str, str]
    command: list[str]
    result: Path | None

    def report(self) -> dict[str, Any] | None:
        """The report of an earlier run; None when there is none, or an incomplete one."""
        told = None if self.result is None else read_result(self.result)
        return told if told is not None and told.get("runs") else None


class PointFailed(PffemuError):
    """Some points' processes failed; the results of the others are kept."""


class PointRefused(PointFailed):
    """A point's command was wrong, and so most likely are all others."""

    exit_code = UsageError.exit_code


@dataclass(slots=True)
class Runner:
    """Runs points side by side. `done`: how many are, so far. Their processes end with this one, however it ends."""

    running: set[subprocess.Popen[str]] = field(default_factory=set)
    failed: list[PointFailed] = field(default_factory=list)
    stopped: bool = False
    done: int = 0

    def run(self, points: Sequence[Point], jobs: int) -> None:
        """Run `points`, at most `jobs` at a time. Raises PointFailed when some have failed, after all others."""
        with ThreadPoolExecutor(jobs) as pool, life_line() as life:
            futures = [pool.submit(self._one, point, life) for point in points]
            try:
                for future in as_completed(futures):
                    future.result()
                    self.done += 1
            except BaseException:
                self.stop()
                raise
        raise_first(self.failed)

    def stop(self) -> None:
        """End the running processes, and start no more."""
        self.stopped = True
        for process in list(self.running):
            with suppress(OSError):
                process.terminate()

    def _one(self, point: Point, life: LifeLine) -> None:
        if self.stopped:
            return
        command = [sys.executable, "-m", "pffemu", *point.command]
        unfinished = None if point.result is None else point.result.with_suffix(f".{os.getpid()}")
        if unfinished is not None:
            command += ["--json", str(unfinished)]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
            env=life.environment, pass_fds=(life.fd,),
        )  # fmt: skip
        self.running.add(process)
        try:
            _, told = process.communicate()
        finally:
            self.running.discard(process)
        if process.returncode == 0:
            if point.result is not None and unfinished is not None:
                unfinished.replace(point.result)
            return
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink()
        if not self.stopped:
            where = " ".join(["pffemu", *point.command])
            kind = PointRefused if process.returncode == _USAGE else PointFailed
            failure = kind(_message(told) or f"exit code {process.returncode}", where=where)
            if isinstance(failure, PointRefused):
                raise failure
            self.failed.append(failure)


def raise_first(failed: Sequence[PointFailed]) -> None:
    """Raises PointFailed: the first of `failed`, and how many more there are. None of them: nothing."""
    if failed:
        first, more = failed[0], len(failed) - 1
        others = f"; {more} more points failed" if more else ""
        raise PointFailed(f"{first.what}{others}", where=first.where, remedy="the same command retries what failed")


def read_result(path: Path) -> dict[str, Any] | None:
    """What an earlier run wrote to `path`; None when there is nothing, or something incomplete."""
    try:
        told = json_text.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def result_key(profile: Profile, *what: Any) -> str:
    """The part of a result's file name that stands for pffemu's files, the profile, and `what` was run."""
    key = [pffemu.__version__, code_hash(), profile.contents, *what]
    return hashlib.sha256(json_text.dumps(key).encode()).hexdigest()[:16]


def make_folder(folder: Path) -> None:
    """Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder), remedy="another --folder") from error


@cache
def code_hash() -> str:
    """SHA-256 of pffemu's own files: a report that another version wrote is measured again."""
    found = hashlib.sha256()
    for package in (pffemu, kernel_model, guest):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.suffix in _CODE:
                found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _message(told: str) -> str:
    """A failed process's last message, on one line; typer puts its messages in a box."""
    boxed = [line.strip(" │") for line in told.splitlines() if line.startswith("│")]
    return " ".join(boxed) or told.strip()[-_LAST_WORDS:].removeprefix("pffemu: error: ")
