"""Which fault an event belongs to: for reports, timelines, traces, claims about cycles, and debuggers.

An event that carries a number belongs to that fault. Any other belongs to the fault that its thread handles: its own
fault, or those whose messages it has read. Faults of one thread nest: one in the handler of another lies inside it, and
is over with it at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pffemu.events.faults import DEEPEST, ON_DISK
from pffemu.events.hw import HandlerEntered, Resumed, WalkRefused
from pffemu.events.kernel import FaultAbandoned, KernelPageFault, ThreadBlocked, ThreadWoken
from pffemu.events.kinds import EVENTS
from pffemu.events.signals import SignalDelivered, SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead

_NUMBERED: Final = frozenset(event for event in EVENTS if "fault" in event._fields)
_BEGINS: Final = (WalkRefused, KernelPageFault)  # the latter: the fault of a delivery that could not push
# what changes a tracker: it need not be called with other events
CHANGES: Final = frozenset(
    {*_BEGINS, HandlerEntered, SignalDelivered, MessageQueued, MessageRead, Resumed, SignalReturned, FaultAbandoned,
     ThreadBlocked, ThreadWoken}
)  # fmt: skip


@dataclass(slots=True, eq=False)
class FaultLife:
    """One fault, as its events so far tell it. Times are those of the events."""

    number: int
    tid: int
    address: int
    start: int
    outer: FaultLife | None  # the fault in whose handler this one happened
    in_handler: bool = False  # a handler runs in the thread itself
    asleep: bool = False  # userfaultfd has queued a message about it
    on_disk: bool = False  # its thread has slept for the disk
    reader: int = 0  # the thread that has read the message
    end: int | None = None
    path: str = ""  # what resolved it; empty while it is not over, and when it was abandoned
    marks: list[tuple[str, int]] = field(default_factory=list)  # (name, time), for the user of the tracker

    def is_handled_by(self, tid: int) -> bool:
        """Whether thread `tid` runs the handler."""
        return tid == self.tid if self.in_handler else tid == self.reader

    def is_within(self, other: FaultLife) -> bool:
        """Whether it is `other`, or lies inside it."""
        life: FaultLife | None = self
        while life is not None and life is not other:
            life = life.outer
        return life is other


class FaultTracker:
    """Called with each event in turn, returns the faults it belongs to, also those that it ends; mostly one or none."""

    def __init__(self) -> None:
        self._open: dict[int, FaultLife] = {}  # by number
        self._stacks: dict[int, list[FaultLife]] = {}  # by faulting thread, innermost last
        self._read: dict[int, list[FaultLife]] = {}  # by the thread that has read their messages
        self._actions: dict[type[Any], Callable[[FaultLife, Any], None]] = {
            HandlerEntered: self._enter_handler,
            SignalDelivered: self._enter_handler,
            MessageQueued: self._sleep,
            MessageRead: self._read_message,
            Resumed: self._end,
            SignalReturned: self._end,
            FaultAbandoned: self._end,
        }

    def __call__(self, event: Any) -> Sequence[FaultLife]:
        kind = type(event)
        if kind in _NUMBERED and event.fault:
            life = self._open.get(event.fault)
            if life is None:
                if kind not in _BEGINS:
                    return ()  # begun before this tracker listened
                life = self._begin(event)
            action = self._actions.get(kind)
            if action is not None:
                action(life, event)
            return (life,)
        if kind is ThreadWoken:
            woken = self.innermost(event.woken)
            if woken is not None and (woken.asleep or woken.on_disk):
                self._leave_reader(woken)
                return (woken,)
        own = self.innermost(event.tid)
        if kind is ThreadBlocked and own is not None and event.waits_for == ON_DISK:
            own.on_disk = True
        return (own,) if own is not None else self._read.get(event.tid, ())

    def innermost(self, tid: int) -> FaultLife | None:
        """The open fault that the thread is in."""
        stack = self._stacks.get(tid)
        return stack[-1] if stack else None

    def _begin(self, event: WalkRefused | KernelPageFault) -> FaultLife:
        stack = self._stacks.setdefault(event.tid, [])
        if len(stack) == DEEPEST:
            self._forget(stack.pop(0))
        life = FaultLife(event.fault, event.tid, event.address, event.time, stack[-1] if stack else None)
        stack.append(life)
        self._open[life.number] = life
        return life

    @staticmethod
    def _enter_handler(life: FaultLife, event: Any) -> None:
        life.in_handler = True

    @staticmethod
    def _sleep(life: FaultLife, event: Any) -> None:
        life.asleep = True

    def _read_message(self, life: FaultLife, event: MessageRead) -> None:
        life.reader = event.tid
        self._read.setdefault(event.tid, []).append(life)

    def _end(self, life: FaultLife, event: Resumed | SignalReturned | FaultAbandoned) -> None:
        """End the fault, and those inside it; of them all, only the fault itself may have been resolved."""
        life.path = "" if isinstance(event, FaultAbandoned) else event.path
        stack = self._stacks[life.tid]
        while life.end is None:
            over = stack.pop()
            over.end = event.time
            self._forget(over)
        if not stack:
            del self._stacks[life.tid]

    def _forget(self, life: FaultLife) -> None:
        self._open.pop(life.number, None)
        self._leave_reader(life)

    def _leave_reader(self, life: FaultLife) -> None:
        """The fault's message is answered: from now on its reader's events are those of other faults."""
        served = self._read.get(life.reader)
        if served is not None and life in served:
            served.remove(life)
            if not served:
                del self._read[life.reader]
