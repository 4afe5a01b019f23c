"""A guest's run, instruction by instruction, made without the debugger: what stops in it can be checked against."""

from __future__ import annotations

import io
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import unicorn

from kernel_model.abi.syscall_names import NAMES
from pffemu import Machine, Mode, Program
from pffemu.arch.encodings import SYSCALL_LENGTH
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, page_of
from pffemu.debug.gdb.stop_reply import gdb_signal
from pffemu.events.details import SignalTaken
from pffemu.events.kernel import Syscall, SyscallReturned
from pffemu.machine.stop import Stop

_NUMBERS = {name: number for number, name in NAMES.items()}


@dataclass
class Place:
    """Between two instructions: thread `tid` executes the one at `rip` next, of which come `marks`."""

    instructions: int  # so far, of all threads
    tid: int
    rip: int
    rips: dict[int, int]  # of every thread
    values: tuple[bytes | None, ...]  # of the words that were asked for
    where: tuple[int, ...]  # their physical addresses; -1: not present
    marks: list[Any] = field(default_factory=list)
    after: int = 0  # `instructions` of the next place
    accesses: list[tuple[int, int]] = field(default_factory=list)  # (physical address, bytes) loaded and stored


@dataclass
class Reference:
    places: list[Place]
    end: Stop | None

    def rips(self, instructions: int, tid: int) -> set[int]:
        """Where thread `tid` may be seen when so many instructions have run; also in the middle of a system call."""
        first = bisect_left(self.places, instructions, key=lambda place: place.after)
        found = set[int]()
        for place, after in zip(self.places[first:], [*self.places[first + 1 :], self.places[-1]], strict=False):
            if place.instructions > instructions:
                break
            found |= {place.rips.get(tid, 0), after.rips.get(tid, 0)}
            if place.tid == tid and any(type(mark) is Syscall for mark in place.marks):
                found.add(place.rip + SYSCALL_LENGTH)
        return found

    def executed(self, instructions: int, tid: int) -> int:
        """How many of them thread `tid` executed."""
        mine = (place for place in self.places if place.tid == tid and place.after <= instructions)
        return sum(place.after - place.instructions for place in mine)

    def reached(self, addresses: set[int], *, retries: bool = True) -> list[tuple[int, int, int]]:
        """(instructions, thread, address) of each time a thread is about to execute at one of these.

        `retries`: also when it comes again because the first try took a fault into the kernel.
        """
        found, tried = [], dict[int, int]()  # thread -> address of an instruction that it could not complete
        for place in self.places:
            if place.rip in addresses and (retries or tried.get(place.tid) != place.rip):
                found.append((place.instructions, place.tid, place.rip))
            tried[place.tid] = place.rip if place.after == place.instructions else 0
        return found

    def changed(self, word: int) -> list[tuple[int, int]]:
        """(instructions, thread) of each change of a word's value."""
        return [
            (place.after, place.tid)
            for place, after in zip(self.places, self.places[1:], strict=False)
            if place.values[word] != after.values[word]
        ]

    def accessed(self, word: int, size: int) -> list[tuple[int, int]]:
        """(instructions, thread) of each instruction that loaded or stored any byte of a word."""
        return [
            (place.after, place.tid)
            for place in self.places
            if place.after > place.instructions
            and any(
                start < place.where[word] + size and place.where[word] < start + length
                for start, length in place.accesses
            )
        ]

    def system_calls(self, numbers: set[int]) -> list[tuple[int, int, str]]:
        """(instructions, thread, what gdb is told) of entries and returns; no numbers: of all."""
        found = []
        for place in self.places:
            for mark in place.marks:
                if type(mark) in (Syscall, SyscallReturned) and (not numbers or _NUMBERS[mark.name] in numbers):
                    word = "syscall_entry" if type(mark) is Syscall else "syscall_return"
                    found.append((place.after, mark.tid, f"{word}:{_NUMBERS[mark.name]:x}"))
        return found

    def signals(self) -> list[tuple[int, int, int]]:
        """(instructions, thread, gdb's number) of each signal that acts."""
        marks = ((place.after, mark) for place in self.places for mark in place.marks if type(mark) is SignalTaken)
        return [(after, mark.target, gdb_signal(mark.signal)) for after, mark in marks]


def reference(
    program: Program, mode: Mode, arguments: tuple[str, ...], words: list[tuple[int, int]], cpus: int = 2
) -> Reference:
    """`words`: (address, bytes) whose values are wanted."""
    machine = Machine(mode=mode, stdout=io.BytesIO(), cpus=cpus)
    machine.load(program, arguments)
    marks: list[Any] = []
    accesses: list[tuple[int, int]] = []
    for cpu in machine.cpus:
        cpu.engine._uc.hook_add(
            unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE,
            lambda _uc, _kind, address, size, _value, _user: accesses.append((address, size)),
        )
    machine.events.sinks.append(marks.append)
    machine.events.details.append(marks.append)
    places: list[Place] = []
    while (cpu := machine.turns.begin()) is not None:
        rips = {
            task.tid: machine.kernel.scheduler.registers_of(task).word("rip")
            for process in machine.kernel.processes.values()
            for task in process.tasks
        }
        where = tuple(_physical(machine, address) for address, _ in words)
        pairs = zip(where, words, strict=True)
        values = tuple(bytes(machine.ram.octets[at : at + size]) if at >= 0 else None for at, (_, size) in pairs)
        place = Place(machine.instructions, cpu.tid, cpu.registers["rip"], rips, values, where)
        if places:
            places[-1].marks, places[-1].after = list(marks), place.instructions
            places[-1].accesses = list(accesses)
        marks.clear()
        accesses.clear()
        places.append(place)
        machine.turns.advance(cpu, 1)
    places[-1].marks, places[-1].after = list(marks), machine.instructions
    return Reference(places, machine.outcome())


def _physical(machine: Machine, address: int) -> int:
    entry = machine.process.mm.pages.entry(page_of(address))
    return (entry & PTE_ADDRESS) + address % PAGE_SIZE if entry & PTE_P else -1
