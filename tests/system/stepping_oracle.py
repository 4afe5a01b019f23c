"""A run, written down instruction by instruction without any of the debugger: what its replies are checked against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pffemu import Machine, Stop
from pffemu.arch.registers import GENERAL
from pffemu.debug.memory import read_present
from pffemu.events.phases import PHASES
from pffemu.inspect.lines import line_of

NAMES = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")


class Mark(NamedTuple):
    """An event or a sub-event step: its line, and where its thread was."""

    instructions: int
    line: str
    phase: str
    tid: int
    rip: int


class State(NamedTuple):
    """Between two instructions. `next_tid`: whose turn it is, if the core is about to execute something for it."""

    instructions: int
    marks: int
    next_tid: int
    ran: tuple[int, int]  # (thread, instructions) since the state before
    threads: dict[int, tuple[int, ...]]  # registers, as in NAMES
    watched: dict[int, bytes | None]  # the watched word, by process

    def rip(self, tid: int) -> int:
        return self.threads[tid][NAMES.index("rip")]


@dataclass
class Oracle:
    """`states` in the order of the run; `marks[i]` is mark number i + 1."""

    states: list[State]
    marks: list[Mark]
    outcome: Stop
    by_moment: dict[tuple[int, int], list[int]] = field(default_factory=dict)  # (instructions, marks) -> states

    def __post_init__(self) -> None:
        for i, state in enumerate(self.states):
            self.by_moment.setdefault((state.instructions, state.marks), []).append(i)

    def at(self, instructions: int, marks: int, tid: int, rip: int) -> list[int]:
        """Indices of the states a reply can be about."""
        return [
            i
            for i in self.by_moment.get((instructions, marks), ())
            if tid in self.states[i].threads and self.states[i].rip(tid) == rip
        ]

    def executed(self, tid: int, begin: int, end: int) -> int:
        """Instructions of thread `tid` from state `begin` to state `end`."""
        return sum(state.ran[1] for state in self.states[begin + 1 : end + 1] if state.ran[0] == tid)

    def arrivals(self, addresses: set[int]) -> list[int]:
        """States in which a thread is about to execute the instruction at one of `addresses`, except retries."""
        found = []
        tried: dict[int, int] = {}  # thread -> RIP it could not get past
        for i, state in enumerate(self.states):
            tid, executed = state.ran
            if executed:
                tried.pop(tid, None)
            if not state.next_tid or state.rip(state.next_tid) not in addresses:
                continue
            if tried.get(state.next_tid) != state.rip(state.next_tid):
                found.append(i)
            tried[state.next_tid] = state.rip(state.next_tid)
        return found


def write_down(machine: Machine, watched: int) -> Oracle:
    """Run `machine` to its end, one instruction at a time."""
    marks: list[Mark] = []
    states: list[State] = []
    kernel, turns = machine.kernel, machine.turns

    def registers(task: Any) -> tuple[int, ...]:
        saved = kernel.scheduler.registers_of(task)
        return tuple(saved.word(name) for name in NAMES)

    def note(mark: Any) -> None:
        task = kernel.find_task(mark.tid)
        rip = registers(task)[NAMES.index("rip")] if task is not None else 0
        line = line_of(mark, machine.symbols.describe)
        marks.append(Mark(machine.instructions, line, PHASES.get(type(mark), "event"), mark.tid, rip))

    machine.events.sinks.append(note)
    machine.events.details.append(note)
    ran = (0, 0)
    while (cpu := turns.begin()) is not None:
        tasks = [task for process in kernel.processes.values() for task in process.tasks]
        values = {pid: read_present(machine, process.mm, watched, 8) for pid, process in kernel.processes.items()}
        states.append(
            State(
                machine.instructions, len(marks), 0 if turns.waits(cpu) else cpu.tid, ran,
                {task.tid: registers(task) for task in tasks}, values,
            )
        )  # fmt: skip
        tid, before = cpu.tid, cpu.instructions
        turns.advance(cpu, 1)
        ran = (tid, cpu.instructions - before)
    return Oracle(states, marks, machine.outcome())
