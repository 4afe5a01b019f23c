"""Cores' clocks as linear forms: how many units of each cost a moment of virtual time consists of.

A core's time is the sum of what was charged to it. Where it waited for another core to wake it, the waiting is replaced
by what that core was charged in the meantime: the form then follows the path on which the time depends. As long as the
same core is waited for, the form is exact for any prices; a wait for a lock stays as many cycles as it was. Cycles in
which a core waited for memory are units of their cause: as if each grew with the latency behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernel_model.abi.errno import Errno
from pffemu.events.hw import Resumed, WalkRefused
from pffemu.events.kernel import ContextSwitch, KernelPageFault, Syscall, SyscallReturned, ThreadCreated, ThreadWoken
from pffemu.events.signals import SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead
from pffemu.hw.cpu import Cpu
from pffemu.report.measured import MAIN, MARK
from pffemu.timing import SHIFT, WAITS, Profile
from pffemu.timing.catalogue import IDLE, INSTRUCTIONS, STALLS
from pffemu.timing.uncertainty import UNCERTAIN

Form = NDArray[np.float64]  # units by column
_FIXED: Final = "cycles that do not follow prices"
COLUMNS: Final = (*UNCERTAIN, _FIXED)
_COLUMN: Final = {cost: place for place, cost in enumerate(COLUMNS)}
_SEND, _FLIGHT = "cpu.ipi.send", "cpu.ipi.flight"
_SLACK: Final = 4  # cycles by which a join may be off: clocks are read in whole cycles


class CostClocks:
    """Sink. `latencies`: the forms of faults by path, each with the number of faults that have it; `part`: the form of
    the measured part. `latencies_in_part`: of faults that ended in it. `exact`: no core waited for a lock or memory."""

    def __init__(self, cpus: Sequence[Cpu]) -> None:
        self._cpus = cpus
        self._prices = prices(cpus[0].profile)
        self._offsets = [np.zeros(len(COLUMNS)) for _ in cpus]
        self._idle = [0] * len(cpus)
        self._new: dict[
            int, tuple[Form, Form]
        ] = {}  # by core that gets a new thread: when it begins; its charges so far
        self._starts: dict[int, tuple[int, Form]] = {}  # by fault: time and form
        self._queued: dict[int, tuple[int, Form]] = {}
        self._calls: dict[int, Form] = {}  # by thread that reads without blocking: its core's form at the last read
        self._spins: set[int] = set()  # threads whose last read found no message
        self._marks: list[Form] = []
        self.latencies: dict[str, Counter[bytes]] = {}
        self._before: dict[str, Counter[bytes]] = {}  # the measured part
        self._within: dict[str, Counter[bytes]] | None = None
        self.exact = True
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            WalkRefused: self._begin, KernelPageFault: self._begin, Resumed: self._end, SignalReturned: self._end,
            ThreadWoken: self._woken, ThreadCreated: self._created, ContextSwitch: self._switched,
            MessageQueued: self._queue, MessageRead: self._read, Syscall: self._call,
            SyscallReturned: self._return,
        }  # fmt: skip

    def __call__(self, event: Any) -> None:
        action = self._actions.get(type(event))
        if action is not None:
            action(event)

    @property
    def part(self) -> Form:
        """The measured part's length, or all of the first core's time when the guest did not mark one."""
        if len(self._marks) == 2:
            return self._marks[1] - self._marks[0]
        return self.at(0)

    @property
    def latencies_in_part(self) -> dict[str, Counter[bytes]]:
        return self.latencies if self._within is None else self._within

    def at(self, core: int) -> Form:
        """The core's clock now."""
        return self._charged(core) + self._offsets[core]

    def _charged(self, core: int) -> Form:
        form = np.zeros(len(COLUMNS))
        cpu = self._cpus[core]
        cpu.settle()
        for ledger in cpu.ledgers.values():
            form[_COLUMN[INSTRUCTIONS]] += ledger.instruction_time / (1 << SHIFT)
            for cost, units in ledger.units.items():
                form[_COLUMN[_FIXED if cost in WAITS else cost]] += units
                self.exact = self.exact and (cost == IDLE or not (cost in WAITS or cost in STALLS))
        return form

    def _begin(self, event: WalkRefused | KernelPageFault) -> None:
        if event.fault not in self._starts:
            self._starts[event.fault] = event.time, self.at(event.cpu)

    def _end(self, event: Resumed | SignalReturned) -> None:
        began = self._starts.pop(event.fault, None)
        if began is not None and event.path:
            form = self.at(event.cpu) - began[1]
            form[_COLUMN[_FIXED]] += event.time - began[0] - form @ self._prices
            self.latencies.setdefault(event.path, Counter())[form.round(3).tobytes()] += 1

    def _woken(self, event: ThreadWoken) -> None:
        self._spins.discard(event.woken)
        if event.tid:
            self._join(event.woken_cpu, event.cpu)

    def _created(self, event: ThreadCreated) -> None:
        """The new thread's core, if it idles, will be woken as for ThreadWoken, but after this event."""
        if event.child_cpu != event.cpu:
            form = self.at(event.cpu)
            for cost in (_SEND, _FLIGHT):
                form[_COLUMN[cost]] += 1
            self._new[event.child_cpu] = form, self._charged(event.child_cpu)

    def _switched(self, event: ContextSwitch) -> None:
        if event.cpu in self._new:
            form, before = self._new.pop(event.cpu)
            since = self._charged(event.cpu) - before
            since[_COLUMN[_FIXED]] = 0
            self._idle[event.cpu] = self._idled(event.cpu)
            self._set(event.cpu, form + since)

    def _join(self, home: int, waker: int) -> None:
        """A core that idled goes on when the waker's interrupt has arrived."""
        idle = self._idled(home)
        waited, self._idle[home] = idle != self._idle[home], idle
        if not waited or waker == home:
            return
        form = self.at(waker)
        for cost in (_FLIGHT, "cpu.idle_wake"):
            form[_COLUMN[cost]] += 1
        self._set(home, form)

    def _idled(self, core: int) -> int:
        return sum(ledger.units.get(IDLE, 0) for ledger in self._cpus[core].ledgers.values())

    def _set(self, core: int, form: Form) -> None:
        """The core's clock is `form`, unless the time says otherwise."""
        rounded = self._cpus[core].clock - form @ self._prices
        if abs(rounded) <= _SLACK:
            form[_COLUMN[_FIXED]] += rounded
            self._offsets[core] = form - self._charged(core)

    def _queue(self, event: MessageQueued) -> None:
        if event.fault:
            self._queued[event.fault] = event.time, self.at(event.cpu)

    def _read(self, event: MessageRead) -> None:
        """A thread that read again and again found the message as soon as it was there."""
        queued = self._queued.pop(event.fault, None)
        if queued is None or event.tid not in self._spins:
            return
        form = queued[1] + self.at(event.cpu) - self._calls[event.tid]
        form[_COLUMN[_FIXED]] += event.time - form @ self._prices
        self._offsets[event.cpu] = form - self._charged(event.cpu)

    def _call(self, event: Syscall) -> None:
        if event.name == "read" and event.tid in self._spins:
            self._calls[event.tid] = self.at(event.cpu)
        elif event.name == MARK and event.tid == MAIN and len(self._marks) == 1:
            self._marks.append(self.at(event.cpu))
            found = {path: forms - self._before.get(path, Counter()) for path, forms in self.latencies.items()}
            self._within = {path: forms for path, forms in found.items() if forms}

    def _return(self, event: SyscallReturned) -> None:
        if event.name == "read":
            (self._spins.add if event.result == -Errno.EAGAIN else self._spins.discard)(event.tid)
        elif event.name == MARK and event.tid == MAIN and not self._marks:
            self._marks.append(self.at(event.cpu))
            self._before = {path: forms.copy() for path, forms in self.latencies.items()}


def form_of(units: Mapping[str, float]) -> Form:
    """Units by cost name, waits included, as a form."""
    form = np.zeros(len(COLUMNS))
    for cost, number in units.items():
        form[_COLUMN[_FIXED if cost in WAITS else cost]] += number
    return form


def prices(profile: Profile, factors: Mapping[str, float] | None = None) -> Form:
    """Cycles a unit of each of COLUMNS, times its factor."""
    factors = factors or {}
    return np.array(
        [(profile.rates[c] / (1 << SHIFT) if c in profile.rates else 1.0) * factors.get(c, 1.0) for c in COLUMNS]
    )


def unpack(forms: Counter[bytes]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The forms as rows, and how many faults have each."""
    return np.array([np.frombuffer(form) for form in forms]), np.array(list(forms.values()))
