"""Whose turn it is: the one loop over cores, which stops anywhere without changing what happens.

A turn belongs to one thread on one core and is over at a clock that is fixed when it begins, or with the first stop
that another core or the kernel has a part in. Whoever looks from outside (a breakpoint, a budget, Ctrl-C) leaves it
open, and the next run goes on with it: so a run that is stopped a thousand times is the same run.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel_model.kernel import Kernel
from pffemu.engine.stop import EngineStop, StopKind
from pffemu.hw.cpu import Cpu
from pffemu.hw.interconnect import NEVER
from pffemu.machine import loop

_ENGINE_STOPS = (StopKind.BREAKPOINT, StopKind.WATCHED, StopKind.INTERRUPTED)


@dataclass(slots=True)
class Turn:
    """`end`: what the core's clock is when the turn is over (None: counting is off)."""

    cpu_index: int
    end: int | None


class Turns:
    """The loop's state. `count` numbers the turns; with the instruction and event counts it names a moment."""

    def __init__(self, kernel: Kernel, cpus: list[Cpu], counting: bool) -> None:
        self._kernel, self._cpus, self._counting = kernel, cpus, counting
        self.count = 0
        self.current: Turn | None = None
        self.ran: tuple[EngineStop, int] | None = None  # what ended the engine's last run, and its core's count then
        self._pending: dict[int, EngineStop] = {}  # by core: stops that wait for cores further behind
        self._pending_tids: dict[int, int] = {}  # by core: whose stop that was

    @property
    def cpu(self) -> Cpu | None:
        """The core whose turn it is; None between two turns."""
        return self._cpus[self.current.cpu_index] if self.current is not None else None

    def waits(self, cpu: Cpu) -> bool:
        """The last instruction of this core's thread has stopped it, and is answered when its turn comes."""
        return cpu.index in self._pending

    def _executed(self, cpu: Cpu, turn: Turn, rip: int) -> bool:
        """Execute an instruction of our own without ending the turn, one that concerns others if none is behind."""
        found = loop.own_instruction(cpu, rip)
        if found is None:
            return False
        if found.local:
            return loop.executed(cpu, found)
        if turn.end is None or self._kernel.scheduler.is_ahead(cpu) or not loop.executed(cpu, found):
            return False
        # a core may have been woken, a timer armed, an interrupt may be due right now
        clock = cpu.clock
        turn.end = clock if cpu.event_at <= clock else min(turn.end, self._turn_end(cpu, clock))
        return True

    def begin(self) -> Cpu | None:
        """The core whose turn it is, with its next thread loaded; None when every thread sleeps or the guest ended."""
        kernel, turn = self._kernel, self.current
        if turn is not None and turn.end is not None and kernel.ended is None:
            core = self._cpus[turn.cpu_index]
            if core.clock < turn.end and not core.uintr.uirr and not kernel.scheduler.current(core).signals.due:
                return core
        elif turn is None and (alone := kernel.scheduler.goes_on()) is not None and not self._pending:
            return self._open(alone, alone.clock + loop.SLICE)
        while kernel.ended is None:
            cpu = self.cpu or self._next()
            if cpu is None:
                return None
            if cpu.index not in self._pending and not loop.deliver_pending(kernel, cpu):
                self.current = None  # also in mid-turn: an instruction, or whoever looked, may have changed the state
            elif self.current is None:
                self._open(cpu, self._turn_end(cpu, cpu.clock))
            elif self.current.end is not None and cpu.clock >= self.current.end:
                self._end(cpu)
            if self.current is not None:
                return cpu
        return None

    def _open(self, cpu: Cpu, end: int) -> Cpu:
        """A turn up to the clock `end`."""
        self.current = Turn(cpu.index, end if self._counting else None)
        self.count += 1
        return cpu

    def _next(self) -> Cpu | None:
        """The core that runs next, with its thread loaded, interrupts taken."""
        kernel = self._kernel
        while kernel.ended is None:
            cpu = kernel.scheduler.next_cpu()
            if cpu is None:
                return None
            if self._pending:
                self._drop_stale(cpu)
            if cpu.event_at != NEVER and cpu.index not in self._pending and self._interrupted(cpu):
                continue
            if kernel.switch_in(cpu) and (cpu.clock < cpu.event_at or cpu.index in self._pending):
                return cpu  # else: a user interrupt that waited for the thread comes before its first instruction
        return None

    def _drop_stale(self, cpu: Cpu) -> None:
        """Nobody answers a stop whose thread another core has killed meanwhile."""
        if cpu.index in self._pending and self._pending_tids[cpu.index] != self._kernel.scheduler.running_tid(cpu):
            del self._pending[cpu.index]

    def _interrupted(self, cpu: Cpu) -> bool:
        """Take what is due at `cpu`; True when it has nothing to run, or the kernel was entered."""
        idles = self._kernel.scheduler.idles(cpu)
        if not idles and cpu.clock < cpu.event_at:
            return False
        return loop.take_interrupts(self._kernel, cpu) or idles

    def _turn_end(self, cpu: Cpu, clock: int) -> int:
        """When a turn of `cpu` ends, if it is `clock` there now."""
        end = min(self._kernel.scheduler.may_run_until(cpu, clock), cpu.event_at, clock + loop.SLICE)
        return end if end > clock else clock + 1

    def _end(self, cpu: Cpu) -> None:
        """The turn ran its length."""
        self.current = None
        self._kernel.scheduler.tick(cpu)

    def advance(self, cpu: Cpu, limit: int | None = None) -> EngineStop | None:
        """Go on with the open turn for at most `limit` instructions; what stopped it for whoever looks from outside.

        Other stops are answered, in the order of virtual time, and end the turn; but for instructions of our own in
        which no kernel has a part.
        """
        kernel, turn = self._kernel, self.current
        assert turn is not None
        stop, self.ran = self._pending.pop(cpu.index, None) if self._pending else None, None
        if stop is None:
            stop = cpu.engine.run(limit, None if turn.end is None else cpu.engine_time(turn.end))
            self.ran = stop, cpu.instructions
            if cpu.looks_up and turn.end is not None:
                cpu.looks_up, turn.end = False, max(cpu.clock, min(turn.end, cpu.event_at))
                if stop.kind is StopKind.INTERRUPTED:
                    return None
            kind = stop.kind
            if kind is StopKind.LIMIT and turn.end is not None:
                if cpu.clock >= turn.end:
                    self._end(cpu)
                return None
            if kind is StopKind.INVALID and self._executed(cpu, turn, stop.rip):
                return None
            if kind in _ENGINE_STOPS:
                return stop
            if kernel.scheduler.is_ahead(cpu):
                self._pending[cpu.index], self._pending_tids[cpu.index] = stop, cpu.tid
                self.current = None
                return None
        self.current = None
        loop.act(kernel, cpu, stop)
        return None
