"""Calls, and a snapshot, on 1 GiB of resident memory: processor time.

Where it copies, the limit is a copy of 1 GiB: into new memory if the copy stays, in a snapshot and in the page cache,
for the host has to clear that first, page by page; else into memory that is resident already.
"""

from __future__ import annotations

import gc
import mmap
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pffemu import Mode, parse_root
from pffemu.state import snapshot
from tests.bench import programs
from tests.bench.programs import NoFigure
from tests.bench.result import Result

_SIZE: Final = 1 << 30
_RAM: Final = 3 << 30


def measure(say: Callable[[str], None]) -> list[Result]:
    """One run each: they take long, and their times differ little."""
    anew, again = _copies()
    return [
        _row("fork with 1 GiB resident, exit and wait", 0.05, None, lambda: _call("fork"), say),
        _row("munmap of 1 GiB", 0.05, None, lambda: _call("munmap"), say),
        _row(
            "read() of 1 GiB from a file", 1.0, anew + again, _read, say, "limit: a copy into new memory, another one"
        ),
        _row("snapshot of 1 GiB", 0.5, anew, _snapshot, say, "limit: a copy into new memory"),
    ]


def _row(
    what: str, target: float, limit: float | None, measured: Callable[[], float], say: Callable[[str], None],
    note: str = "",
) -> Result:  # fmt: skip
    say(what)
    gc.collect()  # the machine of the row before, with its gigabytes
    try:
        return Result(what, measured(), "s", target, limit, note)
    except NoFigure as why:
        return Result(what, None, "s", target, limit, str(why))


def _call(what: str) -> float:
    return programs.timed("gigabyte.c", what, mode=Mode.KERNEL, ram=_RAM)


def _read() -> float:
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "file").open("wb") as file:
            for _ in range(_SIZE >> 20):
                file.write(bytes(1 << 20))  # the host's page cache has it from now on
        roots = (parse_root(f"{folder}:/data:ro"),)
        return programs.timed("gigabyte.c", "read", "/data/file", mode=Mode.KERNEL, ram=_RAM, roots=roots)


def _snapshot() -> float:
    machine = programs.at_begin("gigabyte.c", ("nothing",), mode=Mode.KERNEL, ram=_RAM)
    started = time.thread_time()
    taken = snapshot.take(machine)
    seconds = time.thread_time() - started
    assert len(taken.pages) >= _SIZE // 4096
    return seconds


def _copies() -> tuple[float, float]:
    """Seconds of a copy into new memory, and of a second one to the same place."""
    source = mmap.mmap(-1, _SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, _SIZE, 1 << 20):
        source[at : at + (1 << 20)] = b"\1" * (1 << 20)
    with mmap.mmap(-1, _SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as place:
        times = []
        for _ in range(2):
            started = time.thread_time()
            memoryview(place)[:] = memoryview(source)
            times.append(time.thread_time() - started)
    return times[0], times[1]
