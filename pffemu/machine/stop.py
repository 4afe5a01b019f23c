"""Why a run ended, as values. `exit_code` is what the shell gets: the guest's own, 128+signal, or 124 to 127."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_model.abi.uapi import Signal


@dataclass(frozen=True, slots=True)
class Exited:
    """The guest called exit or exit_group."""

    status: int

    @property
    def exit_code(self) -> int:
        return self.status

    def __str__(self) -> str:
        return f"exited with status {self.status}"


@dataclass(frozen=True, slots=True)
class Killed:
    """A signal killed the guest, as on Linux; `message` says why, where, and what to try."""

    signal: Signal
    message: str

    @property
    def exit_code(self) -> int:
        return 128 + self.signal

    def __str__(self) -> str:
        return f"killed by {self.signal.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class BudgetUsedUp:
    """The instruction budget is spent; the guest can be run on."""

    instructions: int
    message: str
    exit_code: int = 124

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Deadlock:
    """Every thread sleeps and nothing will wake one, or one faults for ever; `message` says what each waits for."""

    message: str
    exit_code: int = 125

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Reached:
    """A thread has reached one of `run`'s addresses; the instruction there has not run."""

    address: int
    tid: int
    cpu_index: int
    exit_code: int = 0

    def __str__(self) -> str:
        return f"thread {self.tid} reached {self.address:#x}"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """`Machine.interrupt` was called (Ctrl-C); the guest can be run on."""

    exit_code: int = 130

    def __str__(self) -> str:
        return "interrupted"


Stop = Exited | Killed | BudgetUsedUp | Deadlock | Reached | Interrupted
