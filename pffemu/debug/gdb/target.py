"""The interface between the stub and what it debugs. Threads are named by their tid, which is theirs alone."""

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
    """A breakpoint (its `size` has no meaning) or a watchpoint of `size` bytes, in process `pid`.

    `pid` 0: gdb knows of one process. A breakpoint is then in all of them, a watchpoint in the first.
    """

    kind: PointKind
    address: int
    size: int
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    pid: int
    tid: int
    core: int
    name: str
    doing: str


@dataclass(frozen=True, slots=True)
class Area:
    """Addresses from `start` to `end`; `rights` of r, w and x, or None where nothing is mapped."""

    start: int
    end: int
    rights: str | None
    name: str = ""


class Target(Protocol):
    """Calls that resume the guest return when it has stopped; only `interrupt` may be called while one runs.

    An interrupt that comes before such a call ends that call, unless `forget_interrupt` comes between.
    """

    def threads(self) -> Sequence[Thread]: ...
    def pid_of(self, tid: int) -> int: ...

    def follow(self, pids: Collection[int] | None, *, execs: bool = False) -> None:
        """Stop where one of these processes forks, ends or, with `execs`, executes another program; and, of calls and
        signals, at theirs only. None: at no fork, end or execve, and at the calls and signals of all.
        """
        ...

    def end_of(self, pid: int) -> int | None:
        """The status of a process that has ended, as a shell shows it; None: it lives."""
        ...

    def kill(self, pid: int) -> None:
        """Send SIGKILL to a process. Raises UsageError in the middle of a step."""
        ...

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

    def auxv(self, tid: int) -> bytes: ...

    def exec_file(self, pid: int) -> str:
        """The path of the program that a process executes, for `read_file`."""
        ...

    def libraries(self, tid: int) -> bytes:
        """The shared objects of the thread's process, as XML of gdb's library-list-svr4."""
        ...

    def thread_local(self, tid: int, link_map: int, offset: int) -> int | None:
        """The address of a thread's copy of a thread-local variable; None where the C library has made none yet.

        `link_map`: of the object that defines it; 0: a static program.
        """
        ...

    def area(self, tid: int, address: int) -> Area:
        """The area of memory at `address`, mapped or free."""
        ...

    def read_file(self, path: str) -> bytes | None:
        """The program's file, a file of /proc/PID, or one of the guest's tree; None: there is none."""
        ...

    def read_link(self, path: str) -> str | None:
        """Where a link of /proc/PID leads; None: it is none."""
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
