"""What stands in for a kernel behind a bare core: every entry ends the run, and is kept as a `CoreStop`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pffemu.arch.exceptions import PF
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


class CoreStopKind(Enum):
    """Why a bare core stopped."""

    BUDGET = "budget"  # all instructions were executed
    REACHED = "reached"  # RIP is at an address of `until`
    SYSCALL = "syscall"  # RIP is behind SYSCALL
    PAGE_FAULT = "page-fault"  # one that the hardware did not take to ring 3
    EXCEPTION = "exception"  # any other
    INTERRUPT = "interrupt"  # an external one for the kernel
    STUCK = "stuck"  # the handler returns to the same fault again and again


@dataclass(frozen=True, slots=True)
class CoreStop:
    """Where the kernel would have been entered. `trap`: of PAGE_FAULT and EXCEPTION; `vector`: of INTERRUPT; `why`: an
    addition to the trap, as for a handler whose address is not canonical."""

    kind: CoreStopKind
    trap: Trap | None = None
    vector: int = 0
    why: str = ""


class _NoSignals:
    due = False


@dataclass(slots=True)
class _AddressSpace:
    """`version` counts the changes of the page tables. All memory may have a handler: `find` has one answer."""

    version: int = 0
    uffd: bool = True

    def find(self, _address: int) -> _AddressSpace:
        return self

    @property
    def vmas(self) -> _AddressSpace:
        return self

    @property
    def pages(self) -> _AddressSpace:
        return self


class _Thread:
    """The one thread, in a process that is nothing but an address space."""

    signals = _NoSignals()

    def __init__(self) -> None:
        self.mm = _AddressSpace()

    @property
    def process(self) -> _Thread:
        return self


class StopsAtEntry:
    """The kernel, its entry and its scheduler, as far as machine.loop uses them: `stop` is what it was entered for."""

    signals_wait = False

    def __init__(self) -> None:
        self.stop: CoreStop | None = None
        self.stuck: Any = None
        self._thread = _Thread()

    @property
    def entry(self) -> StopsAtEntry:
        return self

    @property
    def scheduler(self) -> StopsAtEntry:
        return self

    def tables_changed(self) -> None:
        """The test wrote page-table entries: the same access is not the same fault again."""
        self._thread.mm.version += 1

    def current(self, _cpu: Cpu) -> _Thread:
        return self._thread

    def tick(self, _cpu: Cpu) -> None:
        """A slice is over; there is no other thread."""

    def preempt(self, _cpu: Cpu) -> None:
        """There is no other thread."""

    def deliver_signals(self, _cpu: Cpu) -> bool:
        return True

    def syscall(self, _cpu: Cpu) -> None:
        self.stop = CoreStop(CoreStopKind.SYSCALL)

    def page_fault(self, cpu: Cpu, trap: Trap) -> None:
        cpu.bus.faults.end(cpu.tid)
        self.stop = CoreStop(CoreStopKind.PAGE_FAULT, trap)

    def exception(self, _cpu: Cpu, trap: Trap, why: str) -> None:
        kind = CoreStopKind.PAGE_FAULT if trap.vector == PF else CoreStopKind.EXCEPTION
        self.stop = CoreStop(kind, trap, why=why)

    def interrupt(self, _cpu: Cpu, vector: int) -> None:
        self.stop = CoreStop(CoreStopKind.INTERRUPT, vector=vector)
