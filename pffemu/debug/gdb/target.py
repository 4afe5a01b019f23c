"""What the stub needs of the thing it debugs. Addresses in bytes, threads by their tid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pffemu.debug.gdb.stop_reply import Stopped


class PointKind(Enum):
    """Values are the digits of Z packets."""

    SOFTWARE = 0
    HARDWARE = 1
    WRITE = 2
    READ = 3
    ACCESS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A breakpoint (`size` means nothing then) or a watchpoint of `size` bytes."""

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
    """Resuming calls return when the guest has stopped; only `interrupt` may be called while one runs.

    An interrupt that comes before such a call ends that call; `forget_interrupt` says that none is meant any more.
    """

    def threads(self) -> Sequence[Thread]: ...
    def read_registers(self, tid: int) -> bytes: ...
    def read_register(self, tid: int, number: int) -> bytes: ...
    def write_register(self, tid: int, number: int, value: bytes) -> bool:
        """False where it cannot be: the thread is dead, or the machine is in the middle of a step."""
        ...

    def read_memory(self, tid: int, address: int, size: int) -> bytes:
        """As many of the bytes as are present, from the first on."""
        ...

    def write_memory(self, tid: int, address: int, data: bytes) -> bool:
        """False where Linux would refuse it to ptrace(2); nothing is written then."""
        ...

    def auxv(self) -> bytes: ...
    def exec_file(self) -> str: ...
    def maps(self) -> str:
        """As in /proc/PID/maps."""
        ...

    def monitor(self, line: str) -> str: ...

    def set_points(self, points: Collection[Point]) -> bool:
        """False when one is more than can be watched; the others are set."""
        ...

    def catch_syscalls(self, numbers: Collection[int] | None) -> None:
        """None: none; empty: all."""
        ...

    def pass_signals(self, numbers: Collection[int] | None) -> None:
        """Do not stop where one of these (Linux's numbers) acts, but where any other does; None: at none."""
        ...

    def send_signal(self, tid: int, number: int) -> bool:
        """Send it to the thread, with the siginfo_t that was written for it. False in the middle of a step."""
        ...

    def drop_signal(self) -> bool:
        """The signal it stands at does not act. False where it stands at none."""
        ...

    def siginfo(self) -> bytes | None:
        """siginfo_t of the signal it stands at, or what was written since."""
        ...

    def write_siginfo(self, offset: int, data: bytes) -> bool:
        """Part of the siginfo_t that a resumption with its signal sends. False beyond its end."""
        ...

    @property
    def siginfo_written(self) -> bool:
        """Since the last stop."""
        ...

    def current(self) -> Stopped: ...
    def cont(self) -> Stopped: ...
    def step(self, tid: int) -> Stopped: ...
    def step_range(self, tid: int, start: int, end: int) -> Stopped: ...
    def reverse_step(self, tid: int) -> Stopped: ...
    def reverse_continue(self) -> Stopped: ...
    def interrupt(self) -> None: ...
    def forget_interrupt(self) -> None: ...
