"""Sink: events as slices on tracks, for trace viewers. A TraceWriter writes them in a file format.

A track is a core (the thread on it), a core's kernel (its work there), a thread, or a device. Slices on one track nest.
A fault is a slice of its thread, with `access` and `resume` in it; one flow joins all events that serve it, from the
access to the resumed instruction. Other events are instants of their thread. Phases of a fault are named as in
events/phases.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol

from pffemu.events.fault_tracker import FaultTracker
from pffemu.events.hw import HandlerEntered, Mmio, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import (
    ContextSwitch,
    FaultAbandoned,
    KernelPageFault,
    Syscall,
    SyscallReturned,
    ThreadBlocked,
    ThreadExited,
)
from pffemu.events.kinds import name_of
from pffemu.events.phases import PHASES
from pffemu.events.signals import SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled

_HEX: Final = frozenset({"rip", "rsp", "address", "interrupted_rip", "interrupted_rsp", "offset", "value"})


class Group(Enum):
    """The kinds of tracks, in the order a viewer shows them."""

    CORE = "cores"
    KERNEL = "kernel"
    THREAD = "threads"
    DEVICE = "devices"


class Track(NamedTuple):
    group: Group
    name: str


class TraceWriter(Protocol):
    """The interface of a file format. Times in virtual cycles, never backwards on one track."""

    def begin(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None: ...
    def end(self, track: Track, time: int) -> None: ...
    def instant(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None: ...
    def close(self) -> None: ...


class Lanes:
    """The sink: calls `writer` for each event; `close` ends the slices still open."""

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._open: defaultdict[Track, list[str]] = defaultdict(list)  # names of slices, outermost first
        self._last: defaultdict[Track, int] = defaultdict(int)
        self._tracker = FaultTracker()
        self._flow = 0  # the fault that the event belongs to; 0: none
        self._around: dict[int, int] = {}  # by fault: slices of its thread that enclose its own
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            WalkRefused: self._refused,
            HandlerEntered: self._handler,
            Uiret: self._uiret,
            Resumed: self._resumed,
            SignalReturned: self._over,
            FaultAbandoned: self._over,
            KernelPageFault: self._kernel_fault,
            Syscall: self._syscall,
            SyscallReturned: self._returned,
            MessageQueued: self._of_userfaultfd,
            MessageRead: self._of_userfaultfd,
            PageInstalled: self._of_userfaultfd,
            ThreadBlocked: self._blocked,
            ContextSwitch: self._switched,
            ThreadExited: self._exited,
            Mmio: self._mmio,
        }

    def __call__(self, event: Any) -> None:
        lives = self._tracker(event)
        self._flow = lives[0].number if lives else 0
        self._actions.get(type(event), self._instant)(event)

    def close(self) -> None:
        """End the open slices, each at its track's last time, and complete the file."""
        for track in list(self._open):
            self._end_all(track, self._last[track])
        self._writer.close()

    # -- a fault ------------------------------------------------------------------------------------------------

    def _refused(self, event: WalkRefused) -> None:
        track = _thread(event)
        self._around[event.fault] = len(self._open[track])
        self._begin(track, event.time, f"fault {event.address:#x}", _arguments(event))
        self._begin(track, event.time, "access", {}, self._flow)
        self._mark(track, event)

    def _handler(self, event: HandlerEntered) -> None:
        self._end_through(_thread(event), "access", event.time)
        self._begin(_thread(event), event.time, PHASES[type(event)], _arguments(event), event.fault)

    def _uiret(self, event: Uiret) -> None:
        self._end_through(_thread(event), "handler", event.time)
        if event.fault:
            self._begin(_thread(event), event.time, "resume", _arguments(event), event.fault)

    def _resumed(self, event: Resumed) -> None:
        track = _thread(event)
        self._end_kernel(event)
        if event.fault not in self._around:
            return
        self._end_through(track, "access", event.time)
        if "resume" not in self._open[track]:
            self._begin(track, event.time, "resume", {}, event.fault)
        self._end_fault(event)

    def _over(self, event: SignalReturned | FaultAbandoned) -> None:
        """End a fault whose handler was a signal's, or that will not resume."""
        self._instant(event)
        self._end_fault(event)

    def _end_fault(self, event: Resumed | SignalReturned | FaultAbandoned) -> None:
        around = self._around.pop(event.fault, None)
        track = _thread(event)
        while around is not None and len(self._open[track]) > around:
            self._end(track, event.time)

    def _kernel_fault(self, event: KernelPageFault) -> None:
        if event.user:
            self._begin(_kernel(event), event.time, PHASES[type(event)], _arguments(event), self._flow)
        else:
            self._instant(event)

    def _of_userfaultfd(self, event: MessageQueued | MessageRead | PageInstalled) -> None:
        self._mark(_kernel(event), event, event.fault)

    # -- calls, sleep, cores ------------------------------------------------------------------------------------

    def _syscall(self, event: Syscall) -> None:
        for track in (_thread(event), _kernel(event)):
            self._begin(track, event.time, event.name, _arguments(event))

    def _returned(self, event: SyscallReturned) -> None:
        for track in (_thread(event), _kernel(event)):
            self._end_through(track, event.name, event.time)

    def _blocked(self, event: ThreadBlocked) -> None:
        self._end_kernel(event)
        self._end_through(_thread(event), "access", event.time)
        self._begin(_thread(event), event.time, f"asleep ({event.waits_for})", {})
        self._end_all(_core(event), event.time)

    def _switched(self, event: ContextSwitch) -> None:
        self._end_all(_core(event), event.time)
        self._begin(_core(event), event.time, f"thread {event.tid}", {})
        track = _thread(event)
        asleep = next((name for name in self._open[track] if name.startswith("asleep")), None)
        if asleep is not None:
            self._end_through(track, asleep, event.time)
            if self._open[track] and self._open[track][-1].startswith("fault"):
                self._begin(track, event.time, "resume", {}, self._flow)

    def _exited(self, event: ThreadExited) -> None:
        self._instant(event)
        for track in (_thread(event), _kernel(event), _core(event)):
            self._end_all(track, event.time)

    def _mmio(self, event: Mmio) -> None:
        self._mark(Track(Group.DEVICE, event.device), event)

    def _instant(self, event: Any) -> None:
        self._mark(_thread(event) if event.tid else _core(event), event)

    # -- on one track -------------------------------------------------------------------------------------------

    def _mark(self, track: Track, event: Any, flow: int = 0) -> None:
        name = PHASES.get(type(event)) or name_of(type(event)).replace("_", " ")
        self._writer.instant(track, self._at(track, event.time), name, _arguments(event), flow)

    def _begin(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int = 0) -> None:
        self._open[track].append(name)
        self._writer.begin(track, self._at(track, time), name, arguments, flow)

    def _end(self, track: Track, time: int) -> None:
        self._open[track].pop()
        self._writer.end(track, self._at(track, time))

    def _end_through(self, track: Track, name: str, time: int) -> None:
        """End the innermost slice of that name, if there is one, and the slices in it."""
        if name in self._open[track]:
            while self._open[track][-1] != name:
                self._end(track, time)
            self._end(track, time)

    def _end_all(self, track: Track, time: int) -> None:
        while self._open[track]:
            self._end(track, time)

    def _end_kernel(self, event: Any) -> None:
        self._end_all(_kernel(event), event.time)

    def _at(self, track: Track, time: int) -> int:
        """The time to write: never before the track's last one, as cores have clocks of their own."""
        self._last[track] = max(time, self._last[track])
        return self._last[track]


def _core(event: Any) -> Track:
    return Track(Group.CORE, f"core {event.cpu}")


def _kernel(event: Any) -> Track:
    return Track(Group.KERNEL, f"core {event.cpu}")


def _thread(event: Any) -> Track:
    return Track(Group.THREAD, f"thread {event.tid}")


def _arguments(event: Any) -> dict[str, Any]:
    """The event's own fields; addresses as text, because viewers show numbers in decimal."""
    return {
        name: f"{value:#x}" if name in _HEX else value for name, value in zip(event._fields[3:], event[3:], strict=True)
    }
