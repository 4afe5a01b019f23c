"""Decides, in the machine's thread, where a movement ends: breakpoints, watchpoints, events, phases, interrupts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_model.abi.syscall_names import NAMES
from pffemu.debug.breakpoints import Access, Breakpoint, is_event
from pffemu.debug.halt import Why
from pffemu.debug.local_variables import variables_here
from pffemu.debug.memory import read_present
from pffemu.debug.moment import Moment
from pffemu.debug.operands import touches
from pffemu.debug.view import open_frames
from pffemu.engine.stop import EngineStop, StopKind
from pffemu.errors import UsageError
from pffemu.events.details import SignalTaken
from pffemu.events.hw import Uiret
from pffemu.events.kernel import Syscall, SyscallReturned
from pffemu.events.phases import PHASES
from pffemu.hw.cpu import Cpu
from pffemu.inspect.expressions import value_of
from pffemu.inspect.lines import line_of
from pffemu.inspect.view import Recorder, View
from pffemu.machine.memory import GuestMemory

if TYPE_CHECKING:
    from pffemu.debug.session import Session


class Found(NamedTuple):
    """A place to stop at: the arguments of a Halt, and its moment, for reverse movements."""

    why: Why
    tid: int
    moment: Moment
    details: dict[str, Any]


class Until(NamedTuple):
    """A movement's own end: thread `tid` at `address` with RSP at `rsp` or above."""

    tid: int
    address: int
    rsp: int


class Catch(NamedTuple):
    """System calls to hold at, both when they begin and when they return; None: all."""

    numbers: frozenset[int] | None

    def wants(self, mark: Any) -> bool:
        if type(mark) is Syscall:
            return self.numbers is None or mark.number in self.numbers
        if type(mark) is SyscallReturned:
            return self.numbers is None or any(NAMES[number] == mark.name for number in self.numbers)
        return False


class Stops:
    """The conditions that end a movement; `found` is the one that did. With `scan` set, all are only collected."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._machine = session.machine
        self.found: Found | None = None
        self.scan: list[Found] | None = None
        self.hold_at: int | None = None  # at the mark of this number
        self.phases = False
        self.until: tuple[Until, ...] = ()
        self.until_return: int | None = None  # until thread `session.tid` has fewer open frames of delivery
        self.catch: Catch | None = None
        self.signals: Collection[int] | None = None  # hold where a signal other than these acts; None: at none
        self.pids: Collection[int] | None = None  # processes whose calls and signals hold; None: all
        self.also: Callable[[Any], bool] | None = None  # further marks to hold at, forwards only
        self.sent: tuple[int, int] | None = None  # (thread, signal) that must not stop the movement again
        self._listening = False
        self._values: dict[int, bytes | None] = {}

    def arm(self, *, until: tuple[Until, ...] = (), only_until: bool = False) -> None:
        """From now on breakpoints and watchpoints stop, but not a breakpoint at the current instruction."""
        self.found, self.until, self._listening = None, until, not only_until
        breakpoints = self._session.breakpoints
        addresses = frozenset(place.address for place in until)
        if not only_until:
            addresses |= breakpoints.addresses
        for cpu in self._machine.cpus:
            cpu.engine.set_breakpoints(addresses)
        current = self._machine.turns.cpu
        if current is not None and self.scan is None:
            current.engine.pass_breakpoint()
        self._watch(tuple(sorted(breakpoints.pages)) if not only_until else ())
        self._values = self._read_values()

    def disarm(self) -> None:
        for cpu in self._machine.cpus:
            cpu.engine.set_breakpoints(frozenset())
        self._watch(())
        self.until, self.until_return, self.phases, self._listening, self.hold_at = (), None, False, False, None

    def _watch(self, pages: tuple[int, ...]) -> None:
        for cpu in self._machine.cpus:
            if cpu.mmu.fill.watched_pages != pages:
                cpu.watch_pages(pages)

    # -- between two instructions -----------------------------------------------------------------------------------

    def visit(self, cpu: Cpu, stop: EngineStop | None) -> bool:
        """Whether the movement ends here; called after each piece of a turn."""
        if self.found is not None:
            return True
        if self._session.interrupted:
            return self._find(Why.INTERRUPTED, cpu.tid, self._session.travel.here())
        if stop is None or stop.kind is StopKind.INTERRUPTED:
            return self._changed(cpu, cpu.tid, self._session.travel.here())
        if stop.kind is StopKind.BREAKPOINT:
            return self._reached(cpu, stop.rip)
        return self._watched(cpu)

    def _find(self, why: Why, tid: int, moment: Moment, **details: Any) -> bool:
        found = Found(why, tid, moment, details)
        if self.scan is not None and why is not Why.INTERRUPTED:
            self.scan.append(found)
            return False
        self.found = found
        return True

    def _reached(self, cpu: Cpu, address: int) -> bool:
        here = self._session.travel.here()
        rsp = cpu.registers["rsp"]
        if any(place.address == address and place.tid == cpu.tid and rsp >= place.rsp for place in self.until):
            return self._find(Why.STEP, cpu.tid, here)
        for breakpoint in self._session.breakpoints.enabled if self._listening else ():
            if self._is_at(breakpoint, address, cpu.tid) and self._counts(breakpoint, cpu, cpu.tid):
                return self._find(Why.BREAKPOINT, cpu.tid, here, breakpoint=breakpoint.number)
        return False

    def arrived(self, cpu: Cpu) -> Breakpoint | None:
        """The breakpoint that a step has come to."""
        rip = cpu.registers["rip"]
        here = (b for b in self._session.breakpoints.enabled if self._is_at(b, rip, cpu.tid))
        return next((breakpoint for breakpoint in here if self._counts(breakpoint, cpu, cpu.tid)), None)

    def _is_at(self, breakpoint: Breakpoint, address: int, tid: int) -> bool:
        return breakpoint.address == address and breakpoint.pid in (None, self._session.pid_of(tid))

    def _counts(self, breakpoint: Breakpoint, cpu: Cpu, tid: int) -> bool:
        """Whether thread and condition are right; counts the hit and removes a temporary one."""
        if breakpoint.tid not in (None, tid):
            return False
        if breakpoint.condition is not None and not self._holds(breakpoint, cpu):
            return False
        if self.scan is None:
            breakpoint.hits += 1
            if breakpoint.temporary:
                self._session.breakpoints.remove(breakpoint.number)
        return True

    def _holds(self, breakpoint: Breakpoint, cpu: Cpu) -> bool:
        assert breakpoint.condition is not None
        machine, task = self._machine, self._session.task(cpu.tid)
        memory = GuestMemory(machine.ram, task.process.mm, machine.cpus) if task is not None else None
        variables = variables_here(self._session, cpu.tid)
        view = View(machine, cpu, Recorder(machine), machine.symbols, {}, {}, None, memory, variables)
        try:
            return bool(value_of(breakpoint.condition, view))
        except UsageError:
            return True  # as gdb: a condition that cannot be evaluated stops

    # -- data -------------------------------------------------------------------------------------------------------

    def _watched(self, cpu: Cpu) -> bool:
        """The next instruction touches a watched page: run it, and see whether it touched a watched value."""
        tid, before = cpu.tid, self._session.travel.here()
        rip = cpu.registers["rip"]
        task = self._session.task(tid)
        own = [b for b in self._session.breakpoints.watches if task is None or b.pid in (None, task.process.pid)]
        touched = [b for b in own if touches(cpu, rip, b.watched, b.size)]
        executed, pages = cpu.instructions, cpu.mmu.fill.watched_pages
        self._watch(())
        cpu.engine.pass_breakpoint()
        self._machine.turns.advance(cpu, 1)
        self._watch(pages)
        if self._changed(cpu, tid, before):
            return True
        if cpu.instructions == executed:
            return False  # it faulted and will be executed again
        for breakpoint in touched:
            if breakpoint.access is not Access.WRITE and self._counts(breakpoint, cpu, tid):
                value = self._values.get(breakpoint.number)
                return self._touched(breakpoint, tid, before, value, value)
        return False

    def _changed(self, cpu: Cpu, tid: int, before: Moment) -> bool:
        """Whether a watched value has changed since the last check, by any thread, the kernel or a device."""
        if not self._values:
            return False
        old, self._values = self._values, self._read_values()
        for breakpoint in self._session.breakpoints.watches:
            number = breakpoint.number
            known = number in old and number in self._values
            if breakpoint.access is Access.READ or not known or old[number] == self._values[number]:
                continue
            if self._counts(breakpoint, cpu, tid):
                return self._touched(breakpoint, tid, before, old[number], self._values[number])
        return False

    def _touched(self, breakpoint: Breakpoint, tid: int, before: Moment, old: bytes | None, new: bytes | None) -> bool:
        return self._find(
            Why.WATCHPOINT, tid, before, breakpoint=breakpoint.number, address=breakpoint.watched, old=old, new=new
        )

    def _read_values(self) -> dict[int, bytes | None]:
        if not self._listening:
            return {}
        machine, values = self._machine, {}
        for breakpoint in self._session.breakpoints.watches:
            process = machine.process if breakpoint.pid is None else machine.kernel.processes.get(breakpoint.pid)
            if process is not None and process.tasks:  # a process that has ended did not change the value
                values[breakpoint.number] = read_present(machine, process.mm, breakpoint.watched, breakpoint.size)
        return values

    # -- inside a step ------------------------------------------------------------------------------------------------

    def holds(self, mark: Any) -> bool:
        """Whether the movement ends here, in the middle of a step; called for each mark."""
        session = self._session
        number = session.journal.count
        if self.until_return is not None and type(mark) is Uiret and self._returned(mark.tid):
            self._find(Why.STEP, mark.tid, session.travel.here())
        if self.hold_at == number:
            self.hold_at = None
            return True
        if self.phases and type(mark) in PHASES:
            return self._hold(Why.PHASE, mark)
        if not self._listening:
            return False
        if self.scan is None and self.also is not None and self.also(mark):
            return self._hold(Why.EVENT, mark)
        if self.catch is not None and self.catch.wants(mark) and self._concerns(mark.tid):
            return self._hold(Why.EVENT, mark)
        if type(mark) is SignalTaken and self.sent == (mark.target, mark.signal):
            self.sent = None
            return False
        acts = self.signals is not None and type(mark) is SignalTaken and mark.signal not in self.signals
        if acts and self._concerns(mark.target):
            return self._hold(Why.EVENT, mark)
        for breakpoint in session.breakpoints.events:
            assert breakpoint.event is not None
            line = line_of(mark, self._machine.symbols.describe)
            if is_event(mark, line, breakpoint.event) and self._counts(
                breakpoint, self._machine.cpus[mark.cpu], mark.tid
            ):
                return self._hold(Why.EVENT, mark, breakpoint=breakpoint.number)
        return False

    def _concerns(self, tid: int) -> bool:
        return self.pids is None or self._session.pid_of(tid) in self.pids

    def _returned(self, tid: int) -> bool:
        """Whether this UIRET leaves the handler in question, and not one nested in it."""
        session = self._session
        assert self.until_return is not None
        return tid == session.tid and len(open_frames(session.journal, tid)) < self.until_return

    def _hold(self, why: Why, mark: Any, **details: Any) -> bool:
        moment = self._session.travel.here()._replace(held=True)
        return self._find(why, mark.tid, moment, event=mark, **details)
