"""How long a debugger takes for one step back, anywhere in a long run: processor time."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import Final

from guest.build import guest
from guest.workloads import RESULT_FD, bfs_workload
from pffemu import Machine, Mode, assemble
from pffemu.debug.session import Session
from tests.bench.result import Result

TARGET = 1.0  # seconds
PLACES: Final = 10
LOOP: Final = "_start: mov rcx, 50000000\nagain: dec rcx\njnz again\nmov eax, 60\nsyscall\n"
SCALE, EDGE_FACTOR = 18, 32  # of a BFS of about 100 M instructions


def measure(say: Callable[[str], None]) -> list[Result]:
    """The slowest of steps back at random places: in a loop, and in a search that faults its data in."""
    say("steps back")
    return [_slowest("a loop", _loop()), _slowest("bfs, pff", _search())]


def _loop() -> Machine:
    machine = Machine(stdout=io.BytesIO(), stderr=io.BytesIO())
    machine.load(assemble(LOOP))
    return machine


def _search() -> Machine:
    workload = bfs_workload(SCALE, EDGE_FACTOR, 1)
    machine = Machine(mode=Mode.PFF, ram=workload.ram, stdout=io.BytesIO(), stderr=io.BytesIO())
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, "graph", data)
    machine.open_output(RESULT_FD, "result", io.BytesIO())
    machine.load(guest(workload.guest), workload.arguments)
    return machine


def _slowest(name: str, machine: Machine) -> Result:
    session = Session(machine)
    end, generator, slowest = session.resume().moment, random.Random(1), 0.0
    for _ in range(PLACES):
        session.go_to_instruction(generator.randrange(end.instructions))
        for _ in range(2):
            began = time.process_time()
            session.reverse_step()
            slowest = max(slowest, time.process_time() - began)
    session.close()
    note = f"slowest of {2 * PLACES}, {end.instructions / 1e6:,.0f} M instructions, {end.marks:,} events and phases"
    return Result(f"reverse-step: {name}", slowest, "s", TARGET, note=note)
