"""The interface between the stub and what it debugs. Threads are named by their tid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pffemu.debug.gdb.stop_reply import Stopped


class PointKind(Enum):
    """Kinds of Z packets; values are their digits."""

    SOFTWARE = 0
    HARDWARE = 1
    WRITE = 2
    READ = 3
    ACCESS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A breakpoint (its `size` has no meaning) or a watchpoint of `size` bytes."""

    kind: PointKind
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Thread:
    tid: int
    core: int
    name: str
    doing: str


class Target(Protocol):
    """Calls that resume the guest return when it has stopped; only `interrupt` may be called while one runs.

    An interrupt that comes before such a call ends that call, unless `forget_interrupt` comes between.
    """

    def threads(self) -> Sequence[Thread]: ...
    def read_registers(self, tid: int) -> bytes: ...
    def read_register(self, tid: int, number: int) -> bytes: ...
    def write_register(self, tid: int, number: int, value: bytes) -> bool:
        """Returns False where that is impossible: the thread is dead, or the machine is in the middle of a step."""
        ...

    def read_memory(self, tid: int, address: int, size: int) -> bytes:
        """The bytes that are present, up to the first missing page."""
        ...

    def write_memory(self, tid: int, address: int, data: bytes) -> bool:
        """Returns False, and writes nothing, where Linux would refuse ptrace(2)."""
        ...

    def auxv(self) -> bytes: ...
    def exec_file(self) -> str: ...
    def maps(self) -> str:
        """The text of /proc/PID/maps."""
        ...

    def libraries(self) -> bytes:
        """The shared objects, as XML of gdb's library-list-svr4."""
        ...

    def read_file(self, path: str) -> bytes | None:
        """The program's file, or one of the guest's tree; None: there is none."""
        ...

    def monitor(self, line: str) -> str: ...

    def set_points(self, points: Collection[Point]) -> bool:
        """Set exactly these. False when more pages would be watched than WATCHED_MAX; the other points are set."""
        ...

    def catch_syscalls(self, numbers: Collection[int] | None) -> None:
        """Stop at these system calls; None: at none, empty: at all."""
        ...

    def pass_signals(self, numbers: Collection[int] | None) -> None:
        """Stop where a signal acts that is not among these (Linux's numbers); None: at no signal."""
        ...

    def send_signal(self, tid: int, number: int) -> bool:
        """Send a signal to the thread, with the siginfo_t that gdb wrote for it. False in the middle of a step."""
        ...

    def drop_signal(self) -> bool:
        """Drop the signal at which the guest stopped. False where it did not stop at one."""
        ...

    def siginfo(self) -> bytes | None:
        """The siginfo_t of the signal at which the guest stopped, or what gdb has written since."""
        ...

    def write_siginfo(self, offset: int, data: bytes) -> bool:
        """Write part of the siginfo_t that the next signal from gdb carries. False beyond its end."""
        ...

    @property
    def siginfo_written(self) -> bool:
        """Whether gdb has written a siginfo_t since the last stop."""
        ...

    def current(self) -> Stopped: ...
    def cont(self) -> Stopped: ...
    def step(self, tid: int) -> Stopped: ...
    def step_range(self, tid: int, start: int, end: int) -> Stopped: ...
    def reverse_step(self, tid: int) -> Stopped: ...
    def reverse_continue(self) -> Stopped: ...
    def interrupt(self) -> None: ...
    def forget_interrupt(self) -> None: ...
