"""Where the virtual cycles of a fault go: differences between the times of its consecutive events, summed by stage.

A fault begins with WalkRefused and ends with Resumed. Every event between the two that belongs to it ends a stage, so
the stages add up to the whole, whatever the path. Four paths exist: PFF (forwarded), UFFD (a message to a handler
thread), SIGNAL (a handler of SIGBUS or SIGSEGV, which ends with SignalReturned) and KERNEL (resolved at once). A fault
that never resumes counts nowhere.

Cores have their own clocks, and a woken core's may be behind its waker's: a stage never takes less than nothing, and
what an event is early is taken off the next stage.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pffemu.events.hw import HandlerEntered, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import ContextSwitch, KernelPageFault, MinorFault, Syscall, SyscallReturned, ThreadWoken
from pffemu.events.signals import SignalDelivered, SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled

DECISION: Final = "exception + decision"
DELIVERY: Final = "delivery"
MESSAGE: Final = "message + wake"
HANDLER: Final = "handler"
IOCTL: Final = "ioctl"
SWITCH: Final = "wake + switch"
KERNEL_WORK: Final = "kernel resolves"
RETURN: Final = "return"
STAGES: Final = (DECISION, DELIVERY, MESSAGE, HANDLER, IOCTL, SWITCH, KERNEL_WORK, RETURN)
# Where PFF-UINTR measured: until the handler's first instruction; its own work; what makes the page present, and
# wakes who waits for it; from there to the instruction
PARTS: Final = {
    "notification": (DECISION, DELIVERY, MESSAGE),
    "handling": (HANDLER,),
    "resolution": (IOCTL, KERNEL_WORK),
    "resumption": (SWITCH, RETURN),
}

PFF, UFFD, SIGNAL, KERNEL = "pff", "uffd", "signal", "kernel"

_DEEPEST: Final = 8  # faults of one thread that wait for each other; older ones will not resume any more
_PAGE: Final = ~0xFFF


@dataclass(frozen=True, slots=True)
class StageCosts:
    """Totals over `faults` faults of one path, and each one's latency. Virtual cycles."""

    faults: int
    cycles: dict[str, int]
    latencies: Sequence[int] = ()

    @property
    def total(self) -> int:
        """From the refused walk to the resumed instruction."""
        return sum(self.cycles.values())


@dataclass(slots=True, eq=False)
class _Fault:
    tid: int
    rip: int
    start: int
    path: str = KERNEL
    page: int = 0
    marks: list[tuple[str, int]] = field(default_factory=list)  # (stage, time of the event that ends it)


class StageCollector:
    """Sink: adds up the stages of every fault while the run goes on."""

    def __init__(self) -> None:
        self._open: defaultdict[int, list[_Fault]] = defaultdict(list)  # by faulting thread, innermost last
        self._unread: list[_Fault] = []  # a message is queued
        self._helped: defaultdict[int, list[_Fault]] = defaultdict(list)  # by handler thread that read the message
        self._latencies: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self.spent: Counter[int] = Counter()  # by faulting thread: cycles of all its faults
        self._cycles: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            WalkRefused: self._begin,
            KernelPageFault: self._in_kernel,
            MinorFault: self._resolved,
            HandlerEntered: self._entered,
            Syscall: self._called,
            SyscallReturned: self._returned,
            MessageQueued: self._queued,
            MessageRead: self._read,
            PageInstalled: self._installed,
            ThreadWoken: self._woken,
            ContextSwitch: self._switched,
            Uiret: self._uiret,
            SignalDelivered: self._signalled,
            SignalReturned: self._end,
            Resumed: self._end,
        }

    def __call__(self, event: Any) -> None:
        action = self._actions.get(type(event))
        if action is not None:
            action(event)

    def costs(self) -> dict[str, StageCosts]:
        """By path; only paths that were taken."""
        return {
            path: StageCosts(
                len(self._latencies[path]),
                {stage: self._cycles[path][stage] for stage in STAGES},
                self._latencies[path],
            )
            for path in (KERNEL, UFFD, SIGNAL, PFF)
            if self._latencies[path]
        }

    # -- one method an event ------------------------------------------------------------------------------------

    def _begin(self, event: WalkRefused) -> None:
        stack = self._open[event.tid]
        stack.append(_Fault(event.tid, event.rip, event.time))
        if len(stack) > _DEEPEST:
            self._forget(stack.pop(0))

    def _in_kernel(self, event: KernelPageFault) -> None:
        if event.user and (fault := self._innermost(event.tid)):
            fault.marks.append((DECISION, event.time))

    def _resolved(self, event: MinorFault) -> None:
        fault = self._innermost(event.tid)
        if fault is not None and fault.path is KERNEL:
            fault.marks.append((KERNEL_WORK, event.time))

    def _entered(self, event: HandlerEntered) -> None:
        if fault := self._innermost(event.tid):
            fault.path = PFF
            fault.marks.append((DELIVERY, event.time))

    def _called(self, event: Syscall) -> None:
        for fault in self._handled_by(event.tid):
            fault.marks.append((HANDLER, event.time))

    def _returned(self, event: SyscallReturned) -> None:
        stage = {"ioctl": IOCTL, "read": MESSAGE}.get(event.name, HANDLER)
        for fault in self._handled_by(event.tid):
            fault.marks.append((stage, event.time))

    def _queued(self, event: MessageQueued) -> None:
        fault = self._innermost(event.tid)
        if fault is not None and fault.path is KERNEL:
            fault.path, fault.page = UFFD, event.address & _PAGE
            fault.marks.append((MESSAGE, event.time))
            self._unread.append(fault)

    def _read(self, event: MessageRead) -> None:
        fault = next((fault for fault in self._unread if fault.page == event.address & _PAGE), None)
        if fault is not None:
            self._unread.remove(fault)
            self._helped[event.tid].append(fault)
            fault.marks.append((MESSAGE, event.time))

    def _installed(self, event: PageInstalled) -> None:
        for fault in list(self._helped[event.tid]):
            if fault.page == event.address & _PAGE:
                fault.marks.append((IOCTL, event.time))
                self._helped[event.tid].remove(fault)

    def _woken(self, event: ThreadWoken) -> None:
        fault = self._innermost(event.woken)
        if fault is not None and fault.path is UFFD:
            fault.marks.append((IOCTL, event.time))

    def _switched(self, event: ContextSwitch) -> None:
        fault = self._innermost(event.tid)
        if fault is not None and fault.path is UFFD:
            fault.marks.append((SWITCH, event.time))

    def _uiret(self, event: Uiret) -> None:
        fault = self._innermost(event.tid)
        if fault is not None and fault.path is PFF:
            fault.marks.append((HANDLER, event.time))

    def _signalled(self, event: SignalDelivered) -> None:
        fault = self._innermost(event.tid)
        if fault is not None and fault.path is KERNEL:
            fault.path = SIGNAL
            fault.marks.append((DELIVERY, event.time))

    def _end(self, event: Resumed | SignalReturned) -> None:
        stack = self._open[event.tid]
        while stack:
            fault = stack.pop()
            if fault.rip == event.rip:
                self._add(fault, event.time)
                return
            self._forget(fault)

    # -- shared -------------------------------------------------------------------------------------------------

    def _innermost(self, tid: int) -> _Fault | None:
        stack = self._open.get(tid)
        return stack[-1] if stack else None

    def _handled_by(self, tid: int) -> list[_Fault]:
        """The faults that thread `tid` is handling: its own forwarded one, or those whose messages it has read."""
        own = self._innermost(tid)
        if own is not None and own.path in (PFF, SIGNAL):
            return [own]
        return self._helped.get(tid, [])

    def _forget(self, fault: _Fault) -> None:
        for faults in (self._unread, *self._helped.values()):
            if fault in faults:
                faults.remove(fault)

    def _add(self, fault: _Fault, end: int) -> None:
        if fault.path is UFFD:
            self._forget(fault)
        cycles, before = self._cycles[fault.path], fault.start
        for stage, time in (*fault.marks, (RETURN, end)):
            time = min(max(time, before), end)
            cycles[stage] += time - before
            before = time
        self._latencies[fault.path].append(end - fault.start)
        self.spent[fault.tid] += end - fault.start
