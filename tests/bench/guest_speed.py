"""(a) How much of bare Unicorn's speed guest code keeps, with and without exact counting.

A loop's speed has two values, a tenth apart, for bare Unicorn and for pffemu, depending on where its translation lies
in host memory. Every repetition places it elsewhere, and the best placements are compared. BFS varies by a third from
one run to the next on the same code: there bare and emulated runs are paired, back to back, and the median of the
pairs' ratios counts.

Here and in the round trips the thread's CPU time is measured, so that other load on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from pffemu import CpuOptions, Machine, Mode, Program, Reached
from tests.bench.guests import BenchGuest, bfs, loops
from tests.bench.raw_unicorn import run_raw
from tests.bench.result import Result

UNCOUNTED_TARGET = 0.95
COUNTED_TARGETS = {"BFS": 0.8, "tightest": 0.4}


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Ratios of speed to bare Unicorn's."""
    return [result for guest in (*loops(), bfs()) for result in _compare(guest, repetitions, say)]


def _compare(guest: BenchGuest, repetitions: int, say: Callable[[str], None]) -> list[Result]:
    raw, hooked, uncounted, counted = [], [], [], []
    instructions = 0
    for number in range(repetitions):
        say(f"{guest.name}, {number + 1} of {repetitions}")
        program = guest.program(number)
        raw.append(run_raw(_at_begin(guest, program, counting=False), program.symbols["finish"]))
        hooked.append(
            run_raw(_at_begin(guest, program, counting=False), program.symbols["finish"], empty_block_hook=True)
        )
        uncounted.append(_run(_at_begin(guest, program, counting=False)))
        machine = _at_begin(guest, program, counting=True)
        before = machine.instructions
        counted.append(_run(machine))
        instructions = machine.instructions - before
    ratio = _median_of_pairs if guest.name.startswith("BFS") else _best_by_best
    speed = f"{instructions / median(raw) / 1e6:,.0f} M instructions/s bare"
    target = next((target for start, target in COUNTED_TARGETS.items() if guest.name.startswith(start)), None)
    return [
        Result(f"{guest.name}: counting off", ratio(raw, uncounted), "of bare", UNCOUNTED_TARGET, True, speed),
        Result(f"{guest.name}: exact counts", ratio(raw, counted), "of bare", target, True),
        Result(f"{guest.name}: bare with an empty block hook", ratio(raw, hooked), "of bare", None, True),
    ]


def _best_by_best(raw: list[float], emulated: list[float]) -> float:
    return min(raw) / min(emulated)


def _median_of_pairs(raw: list[float], emulated: list[float]) -> float:
    return median(bare / ours for bare, ours in zip(raw, emulated, strict=True))


def _at_begin(guest: BenchGuest, program: Program, *, counting: bool) -> Machine:
    machine = Machine(mode=Mode.KERNEL, cpus=1, ram=guest.ram, cpu=CpuOptions(counting=counting))
    for fd, data in guest.files.items():
        machine.open_ram_file(fd, "input", data)
    machine.open_output(4, "result", _Nowhere())
    machine.load(program, guest.arguments)
    machine.run(until=["begin", "finish"])
    assert machine.cpus[0].registers["rip"] == program.symbols["begin"]
    return machine


def _run(machine: Machine) -> float:
    """CPU seconds to `finish`."""
    started = time.thread_time()
    stop = machine.run(until=["finish"])
    seconds = time.thread_time() - started
    assert isinstance(stop, Reached), stop
    return seconds


class _Nowhere:
    def write(self, data: bytes, /) -> None:
        pass
