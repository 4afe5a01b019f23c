"""Whole commands, start to end, as a user waits for them, and the memory they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from tests.bench import programs
from tests.bench.programs import NoFigure
from tests.bench.result import Result

_TIMES: Final = 7  # runs of a short command; the best counts, as the machine may be doing other things
_PFFEMU: Final = (sys.executable, "-m", "pffemu")
# a second start finds the bytecode of the first, as it does for users
_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_PYTHON: Final = Path("/usr/bin/python3")
_COMPILED: Final = (  # the hooks compiled before the guest's first instruction
    "import sys; from pathlib import Path; from pffemu import CpuOptions, Machine; "
    "machine = Machine(cpu=CpuOptions(compiled=True)); "
    "machine.load(Path(sys.argv[1])); sys.exit(machine.run().exit_code)"
)


def measure(say: Callable[[str], None]) -> list[Result]:
    """Wall time of short commands, processor time of a long one, and memory."""
    python = _best((sys.executable, "-c", "pass"))
    limit = "limit: Python alone"
    return [
        _row("--help", "s", 0.15, python, lambda: _best((*_PFFEMU, "--help")), limit, say),
        _row("--version", "s", 0.15, python, lambda: _best((*_PFFEMU, "--version")), limit, say),
        _row("run of hello, static C", "s", 0.25, _best(_imports()), _hello, "limit: Python and Unicorn", say),
        _row("run of hello, dynamic C (--libs)", "s", 0.6, None, lambda: _best(_run_hello(static=False)), "", say),
        _row("cold code: python3 -S -c 'print(1)' through ld.so", "s", 3.0, None, _cold_code, "processor time", say),
        _row("memory of hello", "MB", 60, _memory(_imports()), _memory_of_hello, "limit: Python and Unicorn", say),
        _row("memory of hello, hooks compiled", "MB", 100, _memory(_imports()), _memory_compiled,
             "limit: Python and Unicorn", say),
    ]  # fmt: skip


def paper_scale(say: Callable[[str], None]) -> list[Result]:
    """The evaluation of PFF-UINTR: BFS over 2^22 vertices and 2^27 edges in three modes, the graph cached before."""
    what = "BFS, 2^22 vertices, 2^27 edges, three modes"
    say(what)
    small = (*_PFFEMU, "bench", "bfs", "--scale", "22", "--edge-factor", "32")
    command = (*small, "--mode", "kernel", "--mode", "uffd", "--mode", "pff", "--json", "-")
    subprocess.run((*small, "--mode", "kernel"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - started
    faults = sum(run["faults"] for run in json.loads(done.stdout)["runs"])
    return [Result(what, seconds, "s", 120, note=f"{faults:,} faults; only with PAPER=1")]


def _row(
    what: str, unit: str, target: float, limit: float | None, measured: Callable[[], float], note: str,
    say: Callable[[str], None],
) -> Result:  # fmt: skip
    say(what)
    try:
        return Result(what, measured(), unit, target, limit, note)
    except NoFigure as why:
        return Result(what, None, unit, target, limit, str(why))


def _imports() -> tuple[str, ...]:
    return sys.executable, "-c", "import unicorn"


@cache
def _run_hello(*, static: bool = True) -> tuple[str, ...]:
    return *_PFFEMU, "run", *(() if static else ("--libs",)), str(programs.build("hello.c", static=static))


def _hello() -> float:
    return _best(_run_hello())


def _memory_of_hello() -> float:
    return _memory(_run_hello())


def _memory_compiled() -> float:
    command = (sys.executable, "-c", _COMPILED, str(programs.build("hello.c")))
    _best(command)  # numba compiles what is not kept yet
    return _memory(command)


def _cold_code() -> float:
    """Processor seconds."""
    if not _PYTHON.exists():
        raise NoFigure(f"needs {_PYTHON}")
    command = (*_PFFEMU, "run", "--libs", str(_PYTHON.resolve()), "-S", "-c", "print(1)")
    before = os.times()
    done = subprocess.run(command, capture_output=True, env=_ENVIRONMENT)
    after = os.times()
    if done.stdout != b"1\n":
        raise NoFigure(f"the guest fails: {(done.stderr or done.stdout).decode().splitlines()[-1]}")
    return after.children_user + after.children_system - before.children_user - before.children_system


def _best(command: tuple[str, ...]) -> float:
    """Wall seconds of the best run; the first compiles what Python has no bytecode of."""
    best = float("inf")
    for _ in range(_TIMES):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, env=_ENVIRONMENT, check=True)
        best = min(best, time.perf_counter() - started)
    return best


def _memory(command: tuple[str, ...]) -> float:
    """Peak resident MB of a command. A small process starts it: a child's peak begins with that of its parent."""
    starter = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        (sys.executable, "-c", starter, *command), stdout=subprocess.PIPE, check=True, env=_ENVIRONMENT
    )
    return int(done.stdout) / 1000
