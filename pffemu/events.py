"""Every step of a fault as a typed event on one bus; a trace is their JSON lines, its hash the hash of those lines.

Each event starts with `time` (virtual cycles of the core), `cpu` and `tid` (0: no thread). Addresses are `Hex`, names
the code itself chose are `Label`, text from outside is `str` (escaped). Field order is the order in the trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple, get_type_hints

from pffemu.event_fields import Hex as Hex
from pffemu.event_fields import Label as Label
from pffemu.signal_events import SignalDelivered as SignalDelivered
from pffemu.signal_events import SignalReturned as SignalReturned
from pffemu.signal_events import SignalSent as SignalSent


class WalkRefused(NamedTuple):
    """The MMU's page walk refused an access: #PF with this CR2 and error code."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    address: Hex
    error_code: int


class MmuDecision(NamedTuple):
    """Where the fault goes: `forward` (to ring 3) or `kernel`, and the condition that decided it."""

    time: int
    cpu: int
    tid: int
    address: Hex
    decision: Label
    reason: Label


class FramePushed(NamedTuple):
    """Delivery wrote the frame on the user stack; `rsp` is its lowest address, `size` bytes."""

    time: int
    cpu: int
    tid: int
    rsp: Hex
    size: int
    vector: int
    interrupted_rip: Hex
    interrupted_rsp: Hex


class FramePushRefused(NamedTuple):
    """The stack could not take the frame: an ordinary #PF at `address`, nothing changed."""

    time: int
    cpu: int
    tid: int
    address: Hex
    error_code: int


class HandlerEntered(NamedTuple):
    time: int
    cpu: int
    tid: int
    rip: Hex


class Uiret(NamedTuple):
    """UIRET returned to `rip`."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    uif: int


class UserInterruptFlag(NamedTuple):
    """STUI, CLUI or TESTUI; `uif` afterwards."""

    time: int
    cpu: int
    tid: int
    instruction: Label
    uif: int


class Resumed(NamedTuple):
    """The thread is back at the instruction whose fault was handled."""

    time: int
    cpu: int
    tid: int
    rip: Hex


class Mmio(NamedTuple):
    """A load or store of `size` bytes reached a device."""

    time: int
    cpu: int
    tid: int
    device: Label
    offset: Hex
    size: int
    write: int
    value: Hex


class KernelPageFault(NamedTuple):
    """The kernel takes a #PF (from ring 3, or its own access to user memory when `user` is 0)."""

    time: int
    cpu: int
    tid: int
    address: Hex
    user: int


class MinorFault(NamedTuple):
    """The kernel resolved the fault at once: `page`: zero, cache, copy, reuse (its last user stores), present."""

    time: int
    cpu: int
    tid: int
    address: Hex
    page: Label


class Syscall(NamedTuple):
    time: int
    cpu: int
    tid: int
    number: int
    name: Label
    rip: Hex


class SyscallReturned(NamedTuple):
    time: int
    cpu: int
    tid: int
    name: Label
    result: int


class IoctlStep(NamedTuple):
    """One stage inside a userfaultfd ioctl."""

    time: int
    cpu: int
    tid: int
    ioctl: Label
    step: Label


class PageInstalled(NamedTuple):
    time: int
    cpu: int
    tid: int
    address: Hex


class MessageQueued(NamedTuple):
    """A uffd_msg waits to be read; the faulting thread blocks."""

    time: int
    cpu: int
    tid: int
    fd: int
    address: Hex
    flags: int


class MessageRead(NamedTuple):
    time: int
    cpu: int
    tid: int
    fd: int
    address: Hex


class ThreadCreated(NamedTuple):
    time: int
    cpu: int
    tid: int
    child: int
    child_cpu: int


class ThreadBlocked(NamedTuple):
    time: int
    cpu: int
    tid: int
    waits_for: Label


class ThreadWoken(NamedTuple):
    """`woken` may run again; `tid` woke it (0: a timer)."""

    time: int
    cpu: int
    tid: int
    woken: int
    woken_cpu: int


class ContextSwitch(NamedTuple):
    """`tid` runs now on this core, `previous` before (0: the core was idle)."""

    time: int
    cpu: int
    tid: int
    previous: int


class ForwardingSwitched(NamedTuple):
    """The kernel set or cleared forwarding_active[vector] for the thread that runs next."""

    time: int
    cpu: int
    tid: int
    vector: int
    active: int


class SendUipi(NamedTuple):
    """SENDUIPI posted `vector` to the UPID behind UITT entry `entry`; `notify`: and sent an IPI."""

    time: int
    cpu: int
    tid: int
    entry: int
    vector: int
    upid: Hex
    notify: int


class IpiSent(NamedTuple):
    """A message to core `target`, which it has at `arrival` (cycles)."""

    time: int
    cpu: int
    tid: int
    target: int
    vector: int
    arrival: int


class InterruptAccepted(NamedTuple):
    """The core acknowledged `vector`; `goes_to`: `notify` (user interrupt), `forward` (ring 3) or `kernel`."""

    time: int
    cpu: int
    tid: int
    vector: int
    goes_to: Label


class NotificationProcessed(NamedTuple):
    """ON was cleared and `pir` moved from the UPID into UIRR."""

    time: int
    cpu: int
    tid: int
    upid: Hex
    pir: Hex


class Timer(NamedTuple):
    """`timer` (`apic`, or `kb`: the kernel-bypass one) is `armed` for `value` cycles, or `expired` with that vector."""

    time: int
    cpu: int
    tid: int
    timer: Label
    what: Label
    value: int


class ThreadExited(NamedTuple):
    time: int
    cpu: int
    tid: int
    status: int


class ProcessExited(NamedTuple):
    time: int
    cpu: int
    tid: int
    pid: int
    status: int


class ProcessKilled(NamedTuple):
    time: int
    cpu: int
    tid: int
    signal: int
    why: str


class Warned(NamedTuple):
    """Something the user should know, once."""

    time: int
    cpu: int
    tid: int
    what: str


EVENTS: tuple[type[Any], ...] = (
    WalkRefused, MmuDecision, FramePushed, FramePushRefused, HandlerEntered, Uiret, UserInterruptFlag, Resumed, Mmio,
    KernelPageFault, MinorFault, Syscall, SyscallReturned, IoctlStep, PageInstalled, MessageQueued, MessageRead,
    ThreadCreated, ThreadBlocked, ThreadWoken, ContextSwitch, ForwardingSwitched, SendUipi, IpiSent,
    InterruptAccepted, NotificationProcessed, Timer, ThreadExited, ProcessExited, ProcessKilled,
    SignalSent, SignalDelivered, SignalReturned, Warned,
)  # fmt: skip


def name_of(event: type[Any]) -> str:
    """`FramePushed` is `frame_pushed` in a trace."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in event.__name__).lstrip("_")


def _template(event: type[Any]) -> str:
    formats: dict[Any, str] = {int: "%d", Hex: '"%#x"', Label: '"%s"', str: "%s"}
    fields = ", ".join(f'"{field}": {formats[kind]}' for field, kind in get_type_hints(event).items())
    return f'{{"event": "{name_of(event)}", {fields}}}'


def _formatter(event: type[Any]) -> Callable[[Any], str]:
    template = _template(event)
    free_text = [i for i, kind in enumerate(get_type_hints(event).values()) if kind is str]
    if not free_text:
        return template.__mod__

    def escaped(values: Any) -> str:
        return template % tuple(json.dumps(value) if i in free_text else value for i, value in enumerate(values))

    return escaped


_FORMATTERS = {event: _formatter(event) for event in EVENTS}


def to_json(event: Any) -> str:
    """One line of a trace, without its newline."""
    return _FORMATTERS[type(event)](event)


class EventBus:
    """Counts every event by type, and hands it to each sink in turn, then to the listeners to its type."""

    def __init__(self) -> None:
        self.counts: dict[type[Any], int] = dict.fromkeys(EVENTS, 0)
        self.sinks: list[Callable[[Any], None]] = []
        self.listeners: dict[type[Any], Callable[[Any], None]] = {}  # other events need not be made for them
        self.details: list[Callable[[Any], None]] = []  # who wants the steps below events, too (pffemu.phases)

    def emit(self, event: Any) -> None:
        self.counts[type(event)] += 1
        self.publish(event)

    def publish(self, event: Any) -> None:
        """Hand on an event that is already counted."""
        for sink in self.sinks:
            sink(event)
        listener = self.listeners.get(type(event))
        if listener is not None:
            listener(event)


class TraceHash:
    """Sink: SHA-256 of the trace's JSON lines, so that `sha256sum` of a written trace gives the same."""

    _BATCH = 1024

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._events: list[Any] = []

    def __call__(self, event: Any) -> None:
        self._events.append(event)
        if len(self._events) >= self._BATCH:
            self._flush()

    def hexdigest(self) -> str:
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update("".join(f"{to_json(event)}\n" for event in self._events).encode())
        self._events.clear()
