"""How much of bare Unicorn's speed static C programs keep, with and without exact counting.

Bare and emulated runs are paired, back to back, and the median of the pairs' ratios counts. The limit of counting is
bare Unicorn with a native hook on every block that returns at once. qemu-x86_64 runs the same programs if it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from guest.workloads import GRAPH_FD, bfs_workload
from pffemu import CpuOptions, Machine, Mode
from tests.bench.programs import NoFigure, Nowhere, build, on_host, to_begin, to_finish
from tests.bench.raw_unicorn import run_raw
from tests.bench.result import Result

COUNTED, UNCOUNTED, MALLOC_UNCOUNTED = 1.25, 1.1, 1.2  # times bare Unicorn's
_RAM: Final = 256 << 20
_BFS: Final = (20, 16)  # scale, edge factor
_MOST_OF_BFS: Final = 3  # repetitions: each takes seconds


@dataclass(frozen=True, slots=True)
class Program:
    """A source in tests/bench/guests, which runs some tenths of a second in bare Unicorn."""

    source: str
    name: str
    uncounted: float = UNCOUNTED


PROGRAMS: Final = (
    Program("hash.c", "hash table"),
    Program("fib.c", "Fibonacci, recursive"),
    Program("qsort.c", "qsort"),
    Program("stl.cc", "C++ strings, maps, sort"),
    Program("sha256.c", "SHA-256"),
    Program("matrix.c", "matrix product"),
    Program("malloc.c", "malloc and free", MALLOC_UNCOUNTED),
)


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Two rows a program: counting on, counting off."""
    results = []
    for program in PROGRAMS:
        results += _rows(program, repetitions, say, lambda counting, p=program: _small(p, counting))  # type: ignore[misc]
    vertices_and_edges = f"BFS, 2^{_BFS[0]} vertices, 2^{_BFS[0] + 4} edges"
    bfs = Program("bfs.c", vertices_and_edges)
    return results + _rows(bfs, min(repetitions, _MOST_OF_BFS), say, _search)


def _rows(
    program: Program, repetitions: int, say: Callable[[str], None], start: Callable[[bool], Machine]
) -> list[Result]:
    try:
        on, off, hooked, note = _ratios(program, repetitions, say, start)
    except NoFigure as why:
        on = off = hooked = None
        note = str(why)
    return [
        Result(f"{program.name}: counting on", on, "x bare Unicorn", COUNTED, hooked, note),
        Result(f"{program.name}: counting off", off, "x bare Unicorn", program.uncounted, 1.0),
    ]


def _ratios(
    program: Program, repetitions: int, say: Callable[[str], None], start: Callable[[bool], Machine]
) -> tuple[float, float, float, str]:
    on, off, hooked, bare = [], [], [], []
    instructions = 0
    for number in range(repetitions):
        say(f"{program.name}, {number + 1} of {repetitions}")
        raw = run_raw(start(False))
        bare.append(raw)
        hooked.append(run_raw(start(False), empty_block_hook=True) / raw)
        off.append(to_finish(start(False)) / raw)
        machine = start(True)
        before = machine.instructions
        on.append(to_finish(machine) / raw)
        instructions = machine.instructions - before
    note = f"{instructions / median(bare) / 1e6:,.0f} M instructions/s bare{_qemu(program, median(bare))}"
    return median(on), median(off), median(hooked), note


def _small(program: Program, counting: bool) -> Machine:
    machine = Machine(mode=Mode.KERNEL, cpus=1, ram=_RAM, stdout=Nowhere(), cpu=CpuOptions(counting=counting))
    return to_begin(machine, program.source)


def _search(counting: bool) -> Machine:
    workload = bfs_workload(*_BFS, 1)
    machine = Machine(mode=Mode.KERNEL, cpus=1, ram=1 << 30, stdout=Nowhere(), cpu=CpuOptions(counting=counting))
    machine.open_ram_file(GRAPH_FD, "graph", workload.files[GRAPH_FD])
    return to_begin(machine, "bfs.c", workload.arguments[:3])


def _qemu(program: Program, bare: float) -> str:
    """qemu-x86_64's time as part of a note; "" where it is not installed or the program needs a graph."""
    emulator = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
    if emulator is None or program.source == "bfs.c":
        return ""
    seconds = int(on_host(emulator, build(program.source)).split()[-1]) / 1e9
    return f"; qemu-x86_64 {seconds / bare:.2f} x bare Unicorn"
