"""Turns: which core runs, and how far. The loop over cores, which can stop anywhere without changing the run.

A turn belongs to one thread on one core. It ends at a clock that is fixed when it begins, or with the first stop that
concerns another core or the kernel. A stop for the caller (a breakpoint, a budget, Ctrl-C) leaves the turn open, and
the next run goes on with it: a run that is stopped a thousand times is the same run.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel_model.kernel import Kernel
from kernel_model.process import exit
from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.paging import PAGE_SIZE
from pffemu.engine.stop import EngineStop, StopKind
from pffemu.hw.cpu import Cpu
from pffemu.hw.interconnect import NEVER, Interconnect
from pffemu.hw.memory.caches import CoreCaches
from pffemu.machine import loop

# members of an enum take ten times as long to look up
_LIMIT, _INVALID = StopKind.LIMIT, StopKind.INVALID
_ENGINE_STOPS = (StopKind.BREAKPOINT, StopKind.WATCHED, StopKind.INTERRUPTED)
_LAST_WHOLE = PAGE_SIZE - MAX_INSTRUCTION  # offset in a page: from there on, instructions may reach the next


@dataclass(slots=True)
class Turn:
    """An open turn. `end`: the core's clock at which it is over (None: counting is off).

    `sequence`: the interconnect's sequence when `end` was computed; if it differs, something may be due earlier.
    `ours_at`: the address of the next instruction if it is one of our own right behind another one, else 0.
    """

    cpu_index: int
    end: int | None
    sequence: int
    ours_at: int = 0


class Turns:
    """The loop's state. `count` numbers the turns; with the instruction and event counts it names a moment."""

    def __init__(self, kernel: Kernel, cpus: list[Cpu], counting: bool) -> None:
        self._kernel, self._cpus, self._counting = kernel, cpus, counting
        self._interconnect: Interconnect = cpus[0].interconnect
        self.count = 0
        self.current: Turn | None = None
        self.ran: tuple[EngineStop, int] | None = None  # the last stop of an engine, and its core's count then
        self._pending: dict[int, EngineStop] = {}  # by core: stops that wait until cores behind have caught up
        self._pending_tids: dict[int, int] = {}  # by core: the thread of that stop

    @property
    def cpu(self) -> Cpu | None:
        """The core whose turn it is; None between two turns."""
        return self._cpus[self.current.cpu_index] if self.current is not None else None

    def waits(self, cpu: Cpu) -> bool:
        """Whether a stop of this core's thread is still to be answered, when its turn in virtual time comes."""
        return cpu.index in self._pending

    def _executed(self, cpu: Cpu, turn: Turn, rip: int) -> bool:
        """Execute one of our own instructions in mid-turn; one that concerns other cores only if none is behind."""
        found = loop.own_instruction(cpu, rip)
        if found is None:
            return False
        scheduler = self._kernel.scheduler
        if not found.local and (turn.end is None or scheduler.order.is_ahead(cpu)):
            return False
        if not loop.executed(cpu, found):
            return False
        turn.ours_at = rip + found.length if found.then_ours else 0
        if not found.local:
            # a core may have been woken, a timer armed, an interrupt may be due right now
            clock = cpu.clock
            if cpu.event_at <= clock:
                turn.end = clock
            elif scheduler.order.is_ahead(cpu):
                turn.end = clock + bool(turn.ours_at)  # cores behind come first, save for one more of our own
            elif turn.end is not None:
                turn.end = min(turn.end, self._turn_end(cpu, clock))
            turn.sequence = self._interconnect.sequence
        return True

    @staticmethod
    def _foreseen(cpu: Cpu, turn: Turn) -> EngineStop | None:
        """The stop at one of our own instructions right behind another one, without starting the engine."""
        rip, turn.ours_at = turn.ours_at, 0
        # a breakpoint may come first, and in another page the fetch has effects of its own
        same_page = 0 < rip % PAGE_SIZE <= _LAST_WHOLE
        if same_page and rip == cpu.registers.rip() and not cpu.engine.breakpoints:
            return EngineStop(_INVALID, 0, rip)
        return None

    def _goes_on(self, cpu: Cpu, turn: Turn) -> bool:
        """Whether the thread runs on in its turn with nothing to do before: the usual case."""
        if turn.end is None or cpu.clock >= turn.end or cpu.uintr.uirr:
            return False
        return not self._kernel.scheduler.current(cpu).signals.due

    def begin(self) -> Cpu | None:
        """The core whose turn it is, with its next thread loaded; None when every thread sleeps or the guest ended."""
        kernel, turn = self._kernel, self.current
        if kernel.stuck is not None:
            return None
        if turn is None:
            alone = kernel.scheduler.order.goes_on()
            if alone is not None and not self._pending:
                return self._open(alone, alone.clock + loop.SLICE)
        elif turn.sequence != self._interconnect.sequence and kernel.ended is None:
            self._look_anew(self._cpus[turn.cpu_index], turn)
        elif kernel.ended is None and self._goes_on(self._cpus[turn.cpu_index], turn):
            return self._cpus[turn.cpu_index]
        while kernel.ended is None:
            turn = self.current
            cpu = self._next() if turn is None else self._cpus[turn.cpu_index]
            if cpu is None:
                exit.end_if_asleep(kernel, self._cpus[0])
                return None
            if cpu.index not in self._pending and not loop.deliver_pending(kernel, cpu):
                self.current = None  # also in mid-turn: an instruction or the debugger may have changed the state
                continue
            clock = cpu.clock
            if turn is None:
                return self._open(cpu, self._turn_end(cpu, clock))
            turn.sequence = self._interconnect.sequence
            if turn.end is None or clock < turn.end:
                return cpu
            self._end(cpu)
        return None

    def _open(self, cpu: Cpu, end: int) -> Cpu:
        """Begin a turn up to the clock `end`."""
        self.current = Turn(cpu.index, end if self._counting else None, self._interconnect.sequence)
        self.count += 1
        return cpu

    def _look_anew(self, cpu: Cpu, turn: Turn) -> None:
        """The interconnect has changed since the turn's end was computed: end the turn earlier if that is now due."""
        if cpu.index in self._pending:
            return  # its last instruction is answered first, and that ends the turn
        clock = cpu.clock
        due = self._due(cpu, clock)
        if due <= clock:
            self._end(cpu)
        elif turn.end is not None:
            turn.end = min(turn.end, due)

    def _due(self, cpu: Cpu, clock: int) -> int:
        """Clock at which another core or timer must run, or `cpu` take an interrupt, given that `cpu` is at `clock`."""
        return min(self._kernel.scheduler.order.may_run_until(cpu, clock), cpu.event_at)

    def _next(self) -> Cpu | None:
        """The core that runs next, with its thread loaded, interrupts taken."""
        kernel = self._kernel
        while kernel.ended is None:
            cpu = kernel.scheduler.order.next_cpu()
            if cpu is None:
                return None
            waits = bool(self._pending) and self._still_waits(cpu)
            if cpu.event_at != NEVER and not waits and self._interrupted(cpu):
                continue
            if kernel.entry.switch_in(cpu) and (waits or cpu.clock < cpu.event_at):
                return cpu  # else a user interrupt that waited for the thread is taken before its first instruction
        return None

    def _still_waits(self, cpu: Cpu) -> bool:
        """As `waits`; drops a stop whose thread another core has killed."""
        if cpu.index in self._pending and self._pending_tids[cpu.index] != self._kernel.scheduler.running_tid(cpu):
            del self._pending[cpu.index]
        return cpu.index in self._pending

    def _interrupted(self, cpu: Cpu) -> bool:
        """Take the interrupts due at `cpu`; True when it has nothing to run, or the kernel was entered."""
        idles = self._kernel.scheduler.idles(cpu)
        if not idles and cpu.clock < cpu.event_at:
            return False
        return loop.take_interrupts(self._kernel, cpu) or idles

    def _turn_end(self, cpu: Cpu, clock: int) -> int:
        """Clock at which a turn of `cpu` that begins at `clock` ends."""
        end = min(self._due(cpu, clock), clock + loop.SLICE)
        return end if end > clock else clock + 1

    def _end(self, cpu: Cpu) -> None:
        """End a turn that ran its whole length."""
        self.current = None
        self._kernel.scheduler.tick(cpu)

    def advance(self, cpu: Cpu, limit: int | None = None) -> EngineStop | None:
        """Go on with the open turn for at most `limit` instructions; returns a stop that the caller asked for.

        Other stops are answered in the order of virtual time, and end the turn unless they are instructions of our
        own that do not enter the kernel.
        """
        turn = self.current
        assert turn is not None
        stop, self.ran = self._pending.pop(cpu.index, None) if self._pending else None, None
        waited = stop is not None
        while stop is not None or (stop := self._run(cpu, turn, limit)) is not None:
            if stop.kind is not _INVALID or not self._executed(cpu, turn, stop.rip):
                return self._answer(cpu, stop, waited)
            if limit is not None or not self._goes_on(cpu, turn):
                return None
            stop, waited = None, False
        return None

    def _run(self, cpu: Cpu, turn: Turn, limit: int | None) -> EngineStop | None:
        """Run guest code; None when only time has passed."""
        end = turn.end
        stop = self._foreseen(cpu, turn) if turn.ours_at else None
        if stop is None:
            run = cpu.run_resumed if cpu.registers.resumes else cpu.engine.run
            stop = run(limit, None if end is None else cpu.engine_time(end))
        if cpu.caches is not None and stop.kind is not _LIMIT and stop.kind not in _ENGINE_STOPS:
            cpu.caches.leave_ring3()
        self.ran, turn.sequence = (stop, cpu.instructions), self._interconnect.sequence
        if cpu.looks_up and end is not None:
            cpu.looks_up, turn.end = False, max(cpu.clock, min(end, cpu.event_at))
            if stop.kind is StopKind.INTERRUPTED:
                return None
        if stop.kind is not _LIMIT or end is None:
            return stop
        if cpu.clock >= end:
            self._end(cpu)
        return None

    def _answer(self, cpu: Cpu, stop: EngineStop, waited: bool) -> EngineStop | None:
        """Let hardware or kernel answer `stop`, now or when its turn comes; a stop for the caller is returned."""
        if not waited:
            if stop.kind in _ENGINE_STOPS:
                return stop
            if self._kernel.scheduler.order.is_ahead(cpu):
                self._pending[cpu.index], self._pending_tids[cpu.index] = stop, cpu.tid
                self.current = None
                return None
        self.current = None
        if cpu.caches is None:
            loop.act(self._kernel, cpu, stop)
        else:
            self._act_with_caches(cpu, cpu.caches, stop)
        return None

    def _act_with_caches(self, cpu: Cpu, caches: CoreCaches, stop: EngineStop) -> None:
        """As `loop.act`; if the kernel runs, what it touches comes into the core's caches."""
        entry, touched = self._kernel.entry, self._cpus[0].mmu.ram.touched
        before = entry.count
        loop.act(self._kernel, cpu, stop)
        if entry.count != before and touched is not None:
            caches.kernel_touches(touched)
            touched.clear()
