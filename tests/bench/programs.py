"""The C programs of tests/bench/guests: built once, loaded into machines, and timed between `begin` and `finish`.

The thread's processor time is measured, so that other load on the machine does not count.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from guest.build import INCLUDE
from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu import Machine, Mode, Reached

SOURCES: Final = Path(__file__).parent / "guests"
_OUTPUT_FD: Final = 4


class NoFigure(Exception):
    """Why something cannot be measured on this host."""


class Nowhere:
    """A sink of output."""

    def write(self, data: bytes, /) -> None:
        pass


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pffemu-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def build(name: str, *, static: bool = True) -> Path:
    """The program of the source `name`. Raises NoFigure."""
    compiler = find_c_compiler()
    if compiler is None:
        raise NoFigure(NO_C_COMPILER)
    if name.endswith(".cc"):
        compiler = [found for found in map(shutil.which, ("g++", "clang++")) if found is not None][:1]
        if not compiler:
            raise NoFigure("no C++ compiler: install g++ or clang++")
    program = _folder() / (name.partition(".")[0] if static else f"{name.partition('.')[0]}-dynamic")
    flags = ("-O2", *(("-static",) if static else ()), "-pthread", "-muintr", "-I", str(INCLUDE))
    done = subprocess.run([*compiler, *flags, "-o", program, SOURCES / name], capture_output=True, text=True)
    if done.returncode:
        raise NoFigure(f"{name} does not compile: {done.stderr.splitlines()[0]}")
    return program


def at_begin(name: str, arguments: Iterable[object] = (), **options: Any) -> Machine:
    """A machine whose program `name` stands at the call of `begin`. Raises NoFigure."""
    machine = Machine(stdout=Nowhere(), stderr=Nowhere(), **({"mode": Mode.PFF} | options))
    machine.open_output(_OUTPUT_FD, "result", Nowhere())
    return to_begin(machine, name, arguments)


def to_begin(machine: Machine, name: str, arguments: Iterable[object] = ()) -> Machine:
    """Load the program into `machine` and run it up to `begin`."""
    machine.load(build(name), tuple(map(str, arguments)))
    stop = machine.run(until=["begin"])
    if not isinstance(stop, Reached):
        raise NoFigure(f"{name} ends before its measured part: {stop}")
    return machine


def to_finish(machine: Machine) -> float:
    """Processor seconds from `begin` to `finish`. Raises NoFigure."""
    started = time.thread_time()
    stop = machine.run(until=["finish"])
    seconds = time.thread_time() - started
    if not isinstance(stop, Reached):
        raise NoFigure(f"the program ends in its measured part: {stop}")
    return seconds


def timed(name: str, *arguments: object, **options: Any) -> float:
    """Processor seconds of the measured part in a new machine. Raises NoFigure."""
    return to_finish(at_begin(name, arguments, **options))


def on_host(*command: object) -> str:
    """What a program prints on the host. Raises NoFigure."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise NoFigure(done.stderr.strip() or f"{command[0]} fails with status {done.returncode}")
    return done.stdout
