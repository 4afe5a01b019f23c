"""The stages of a fault's latency: differences between the times of its consecutive events, summed by stage.

Every event that belongs to a fault (events/fault_tracker.py) ends at most one stage, so the stages add up to the whole,
whatever the path. A fault that is abandoned, or not over at the end, is not counted.

Cores have their own clocks, and a woken core's may be behind its waker's. So that no stage is negative, an event that
is early ends a stage of 0 cycles, and the difference is taken off the next stage.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pffemu.events.directed import DirectedDecline, DirectedStep, DirectedWait
from pffemu.events.fault_tracker import CHANGES, FaultLife, FaultTracker
from pffemu.events.hw import HandlerEntered, Uiret
from pffemu.events.kernel import (
    ContextSwitch,
    KernelPageFault,
    MinorFault,
    Syscall,
    SyscallReturned,
    ThreadBlocked,
    ThreadWoken,
)
from pffemu.events.signals import SignalDelivered
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled

DECISION: Final = "exception + decision"
DELIVERY: Final = "delivery"
MESSAGE: Final = "message + wake"
HANDLER: Final = "handler"
IOCTL: Final = "ioctl"
SWITCH: Final = "wake + switch"
KERNEL_WORK: Final = "kernel resolves"
FILL: Final = "directed fill"
DISK: Final = "disk"
RETURN: Final = "return"
STAGES: Final = (DECISION, DELIVERY, MESSAGE, HANDLER, IOCTL, SWITCH, KERNEL_WORK, FILL, DISK, RETURN)
# The parts that PFF-UINTR measured: until the handler's first instruction; the handler's own work; making the page
# present and waking its waiter; from there to the resumed instruction
PARTS: Final = {
    "notification": (DECISION, DELIVERY, MESSAGE),
    "handling": (HANDLER,),
    "resolution": (IOCTL, KERNEL_WORK, FILL, DISK),
    "resumption": (SWITCH, RETURN),
}

# stages that end with events that carry the fault's number
_ENDED: Final[Mapping[type[Any], str]] = {
    KernelPageFault: DECISION, MinorFault: KERNEL_WORK, HandlerEntered: DELIVERY, SignalDelivered: DELIVERY,
    MessageQueued: MESSAGE, MessageRead: MESSAGE, PageInstalled: IOCTL, Uiret: HANDLER,
    DirectedStep: FILL, DirectedWait: FILL, DirectedDecline: FILL,
}  # fmt: skip
_FOLLOWED: Final = CHANGES | _ENDED.keys() | {ContextSwitch, Syscall, SyscallReturned}
_CALLS: Final = {"ioctl": IOCTL, "read": MESSAGE}  # stages that end when a handler's system call returns


@dataclass(frozen=True, slots=True)
class StageCosts:
    """Totals over `faults` faults of one path, and each one's latency. Virtual cycles."""

    faults: int
    cycles: dict[str, int]
    latencies: Sequence[int] = ()

    @property
    def total(self) -> int:
        """Cycles from the refused walk to the resumed instruction."""
        return sum(self.cycles.values())


class StageCollector:
    """Sink: adds up the stages of every fault while the run goes on."""

    def __init__(self) -> None:
        self.tracker = FaultTracker()
        self._latencies: dict[str, array[int]] = {}  # by path, in the order in which they first resolved a fault
        self._cycles: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.spent: Counter[int] = Counter()  # by faulting thread: cycles of its faults, without nested ones

    def __call__(self, event: Any) -> None:
        if type(event) not in _FOLLOWED:
            return
        for life in self.tracker(event):
            if life.end is not None:
                self._end(life)
                continue
            stage = _stage_ended(event, life)
            if stage:
                life.marks.append((stage, event.time))

    def ended(self) -> dict[str, int]:
        """How many faults are over, by path."""
        return {path: len(latencies) for path, latencies in self._latencies.items()}

    def costs(self) -> dict[str, StageCosts]:
        """The costs by path, for paths that were taken."""
        return {
            path: StageCosts(len(latencies), {stage: self._cycles[path][stage] for stage in STAGES}, latencies)
            for path, latencies in self._latencies.items()
        }

    def _end(self, life: FaultLife) -> None:
        assert life.end is not None
        if life.outer is None:
            self.spent[life.tid] += life.end - life.start
        if not life.path:
            return
        cycles, before = self._cycles[life.path], life.start
        for stage, time in (*life.marks, (RETURN, life.end)):
            time = min(max(time, before), life.end)
            cycles[stage] += time - before
            before = time
        self._latencies.setdefault(life.path, array("q")).append(life.end - life.start)


def _stage_ended(event: Any, life: FaultLife) -> str:
    """The stage of `life` that `event` ends; empty: none."""
    kind = type(event)
    if kind in _ENDED:
        return _ENDED[kind] if event.fault else ""
    if kind is ContextSwitch:
        return SWITCH if life.asleep or life.on_disk else ""
    if kind is ThreadBlocked:
        return KERNEL_WORK if event.waits_for == DISK else ""
    if kind is ThreadWoken:
        if life.on_disk and event.woken == life.tid:
            return DISK
        return IOCTL if life.asleep and event.woken == life.tid else ""
    if kind is Syscall:
        return HANDLER if life.is_handled_by(event.tid) else ""
    if kind is SyscallReturned:
        return _CALLS.get(event.name, HANDLER) if life.is_handled_by(event.tid) else ""
    return ""
