"""The measured part of a benchmark: time and charges between the guest's two calls of gettid().

Benchmarks set up memory first, which is not measured. The guest's first thread marks the part with the cheapest system
call, so that one binary measures itself alike under every mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from pffemu.events.fault_tracker import FaultTracker
from pffemu.events.hw import Resumed, WalkRefused
from pffemu.events.kernel import FaultAbandoned, KernelPageFault, Syscall, SyscallReturned
from pffemu.events.signals import SignalReturned
from pffemu.hw.cpu import Cpu
from pffemu.timing import SHIFT
from pffemu.timing.catalogue import IDLE, INSTRUCTIONS

MARK: Final = "gettid"
MAIN: Final = 1  # the thread that marks the part
_FAULT: Final = frozenset({WalkRefused, KernelPageFault, Resumed, SignalReturned, FaultAbandoned})  # begin or end one
Account = Counter[tuple[int, int, str]]  # (core, thread, cost) -> 2^-SHIFT cycles


class MeasuredPart:
    """Sink. Without both marks, the part is the whole run from reset to its end."""

    def __init__(self, cpus: Sequence[Cpu], tracker: FaultTracker, spent: Counter[int]) -> None:
        """`tracker` has been called with each event before; `spent`: cycles of each thread's faults so far."""
        self._cpus, self._tracker, self._spent = cpus, tracker, spent
        self._in_faults: list[int] = []  # of the first thread, at each mark
        self._marks: list[tuple[int, Account]] = []
        self._home = 0
        self._in_fault = False  # the first thread
        self._idle_before = 0  # the core's idle time when its outermost open fault began
        self._idle_in_faults = 0  # cycles the core idled while its first thread was in a fault

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind in _FAULT and event.tid == MAIN:
            self._follow_fault(event)
        # from the first call's return to the second's entry
        if kind is not (Syscall if self.running else SyscallReturned) or len(self._marks) == 2:
            return
        if event.name == MARK and event.tid == MAIN:
            self._home = event.cpu
            self._marks.append((event.time, self._account()))
            self._in_faults.append(self._busy_with_faults())

    def _follow_fault(self, event: Any) -> None:
        in_fault = self._tracker.innermost(MAIN) is not None
        if in_fault is self._in_fault:
            return
        idle, self._in_fault = self._cpus[event.cpu].ledgers[0].units.get(IDLE, 0), in_fault
        if in_fault:
            self._idle_before = idle
        else:
            self._idle_in_faults += idle - self._idle_before

    @property
    def running(self) -> bool:
        return len(self._marks) == 1

    def cycles(self) -> int:
        """The part's length, by the clock of the first thread's core."""
        return self._ends()[1][0] - self._ends()[0][0]

    def charges(self) -> dict[str, int]:
        """Whole cycles by cost name, of all threads; idling is left out."""
        by_cost: Counter[str] = Counter()
        for (_, tid, cost), time in self._difference().items():
            if tid and cost != IDLE:
                by_cost[cost] += time
        return {cost: time >> SHIFT for cost, time in sorted(by_cost.items()) if time >> SHIFT}

    def in_faults(self) -> int:
        """Cycles that the first thread spent on its core in its faults."""
        if len(self._in_faults) == 2:
            return self._in_faults[1] - self._in_faults[0]
        return self._busy_with_faults()

    def _busy_with_faults(self) -> int:
        return self._spent[MAIN] - self._idle_in_faults

    def idle(self) -> int:
        """Cycles the first thread's core had nothing to run."""
        return (
            sum(t for (core, _, cost), t in self._difference().items() if core == self._home and cost == IDLE) >> SHIFT
        )

    def _difference(self) -> Account:
        (_, before), (_, after) = self._ends()
        return Counter({key: time - before[key] for key, time in after.items() if time != before[key]})

    def _ends(self) -> tuple[tuple[int, Account], tuple[int, Account]]:
        if len(self._marks) == 2:
            return self._marks[0], self._marks[1]
        return (0, Counter()), (max(cpu.clock for cpu in self._cpus), self._account())

    def _account(self) -> Account:
        account: Account = Counter()
        for cpu in self._cpus:
            cpu.settle()
            rates = cpu.profile.rates
            for tid, ledger in cpu.ledgers.items():
                account[cpu.index, tid, INSTRUCTIONS] = ledger.instruction_time
                for cost, units in ledger.units.items():
                    account[cpu.index, tid, cost] = rates[cost] * units
        return account
