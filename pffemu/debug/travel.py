"""Moving a machine through its run: forwards by running it, backwards by putting a checkpoint back and running on.

All of this runs in the machine's thread (worker.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pffemu.debug.history import Checkpoint, History
from pffemu.debug.journal import Journal
from pffemu.debug.moment import Moment
from pffemu.engine.stop import LIMIT, EngineStop, StopKind
from pffemu.hw.cpu import Cpu
from pffemu.machine.machine import Machine
from pffemu.state import snapshot

FAR: Final = 1 << 62  # instructions

Room = Callable[[Cpu], int]  # instructions this core may run now; 0: the target is reached
Visit = Callable[[Cpu, EngineStop | None], bool]  # after each piece of a turn; True: stay here


class _Piece(NamedTuple):
    """What a thread did in one turn. `waited`: the turn began with the answer to the stop that ended its last one."""

    start: Moment
    rip: int
    waited: bool
    steps: int  # instructions the engine completed
    stopped_at: int | None  # RIP of the instruction that stopped the engine: a step begins there, too


class Travel:
    """Moves the machine. `cancelled`: stop between the next two instructions; `interrupted`: at the user's request."""

    def __init__(self, machine: Machine, journal: Journal) -> None:
        self.machine, self.journal = machine, journal
        self.history = History(machine)
        self.cancelled = False
        self.interrupted = False
        self.astray = False  # a held step was abandoned: the machine's state is unusable
        machine.turns.begin()
        self.history.take(self.here())

    def here(self) -> Moment:
        """The current moment, between two instructions."""
        return Moment(self.machine.turns.count, self.machine.instructions, self.journal.count)

    def run(self, room: Room, visit: Visit) -> bool:
        """Run until `room` is 0 or `visit` returns True; False when nothing can run any more, or it was cancelled."""
        turns = self.machine.turns
        while True:
            cpu = turns.begin()
            if cpu is None or self.cancelled:
                return False
            allowed = room(cpu)
            if not allowed:
                return True
            self.history.note(self.here())
            stop = turns.advance(cpu, min(allowed, self.history.distance))
            if visit(cpu, stop):
                turns.begin()
                return True

    def run_to(self, target: Moment) -> None:
        """Run up to `target`, which is not held and lies ahead, or until interrupted."""
        self.run(self.room_to(target), lambda _, __: self.interrupted)

    def room_to(self, target: Moment) -> Room:
        """A Room that ends at `target`."""

        def room(_: Cpu) -> int:
            here = self.here()
            if here >= target:
                return 0
            return FAR if here.turn < target.turn else max(1, target.instructions - here.instructions)

        return room

    def put_back(self, checkpoint: Checkpoint) -> None:
        for cpu in self.machine.cpus:
            cpu.engine.end_warm_up()
        snapshot.put_back(self.machine, checkpoint.snapshot)
        self.journal.count = checkpoint.moment.marks
        self.astray = False

    def go_to(self, target: Moment) -> None:
        """To `target`, earlier or later. If it is held, the run passes it, and the journal's `at_mark` holds there."""
        checkpoint = self.history.latest(target._replace(held=False))
        if self.astray or not checkpoint.moment <= self.here() <= target:
            self.put_back(checkpoint)
        if self.here() == target:
            return  # a signal that waits there must not act
        self.run_to(target._replace(marks=target.marks + 1) if target.held else target)

    def go_to_instruction(self, number: int) -> None:
        """To the first moment at which that many instructions have run."""
        checkpoint = self.history.latest_at(number)
        if self.astray or not checkpoint.moment.instructions <= self.here().instructions < number:
            self.put_back(checkpoint)
        self.run(lambda _: max(0, number - self.machine.instructions), lambda _, __: self.interrupted)

    # -- the moments a thread's steps begin at -------------------------------------------------------------------

    def step_before(self, tid: int, end: Moment) -> Moment | None:
        """The latest moment before `end` at which thread `tid` was about to execute an instruction, if there is one.

        An instruction that faulted into the kernel and was tried again counts once, from its first try on.
        """
        later: list[_Piece] = []
        for checkpoint in self.history.before(end):
            self.put_back(checkpoint)
            pieces = self._pieces(tid, end)
            found = _last_step(pieces + later, end)
            if found is not None:
                return found
            end, later = checkpoint.moment, pieces + later
        return None

    def _pieces(self, tid: int, end: Moment) -> list[_Piece]:
        """What thread `tid` does from here to `end`."""
        pieces: list[_Piece] = []
        room, turns = self.room_to(end), self.machine.turns
        while (cpu := turns.begin()) is not None and (allowed := room(cpu)):
            start, count, waited = self.here(), cpu.instructions, turns.waits(cpu)
            mine, rip = cpu.tid == tid, cpu.registers["rip"]
            turns.advance(cpu, allowed)
            if not mine:
                continue
            stop, executed = turns.ran or (LIMIT, count)
            stopped = stop.kind not in (StopKind.LIMIT, StopKind.SYSCALL, StopKind.INTERRUPTED)
            pieces.append(_Piece(start, rip, waited, executed - count, stop.rip if stopped else None))
        return pieces


def _last_step(pieces: list[_Piece], end: Moment) -> Moment | None:
    steps: list[Moment] = []
    retried: int | None = None  # RIP of an instruction whose first try is the last of `steps`
    for piece in pieces:
        count = 0 if piece.waited else piece.steps + (piece.stopped_at is not None)
        for i in range(max(0, count - 2), count):
            if not (i == 0 and retried == piece.rip):
                steps.append(piece.start._replace(instructions=piece.start.instructions + i))
        if not piece.waited:
            retried = piece.stopped_at
    earlier = [moment for moment in steps if moment < end]
    return earlier[-1] if earlier else None
