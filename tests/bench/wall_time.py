"""(c) Whole commands, start to end, as a user waits for them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from guest.c_compiler import find_c_compiler
from tests.bench.result import Result

COMMAND = ("bench", "bfs", "--scale", "20", "--edge-factor", "16", "--mode", "pff", "--json", "-")
TARGET = 15.0  # seconds
HELLO = '#include <stdio.h>\nint main(void) { puts("hello, world"); return 0; }\n'
HELLO_TARGET = 0.6  # seconds, import included
_TIMES = 7  # runs of hello; the best counts, as the machine may be doing other things


def measure(say: Callable[[str], None]) -> list[Result]:
    """The long one once; it takes seconds."""
    return [*_hello(say), _bfs(say)]


def _bfs(say: Callable[[str], None]) -> Result:
    say(f"pffemu {' '.join(COMMAND[:8])}")
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "pffemu", *COMMAND], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, f"exit code {done.returncode}"
    (run,) = json.loads(done.stdout)["runs"]
    note = f"{run['faults']:,} faults, {run['instructions'] / 1e6:,.0f} M instructions"
    return Result("bench bfs, scale 20, edge factor 16, pff", seconds, "s", TARGET, note=note)


def _hello(say: Callable[[str], None]) -> list[Result]:
    """hello world of a C library; the note has its time in starts of a Python that does nothing."""
    compiler = find_c_compiler()
    if compiler is None:
        return []
    say("pffemu run hello")
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "hello"
        program.with_suffix(".c").write_text(HELLO)
        subprocess.run([*compiler, "-static", "-o", program, program.with_suffix(".c")], check=True)
        seconds = _best([sys.executable, "-m", "pffemu", "run", str(program)], b"hello, world\n")
    python = _best([sys.executable, "-c", "pass"], b"")
    note = f"{seconds / python:,.0f} times as long as Python itself"
    return [Result("run: hello world, static C", seconds, "s", HELLO_TARGET, note=note)]


def _best(command: list[str], output: bytes) -> float:
    best = float("inf")
    for _ in range(_TIMES):
        started = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        best = min(best, time.perf_counter() - started)
        assert done.stdout == output
    return best
