"""What a thread has to do with System V semaphores: a sleep in semop, and what its end undoes (ipc/sem.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class SemOp(NamedTuple):
    """struct sembuf."""

    number: int
    change: int
    flags: int


@dataclass(slots=True)
class SemWait:
    """Operations that wait: all of them or none. `blocking`: the first that could not be done. `pid`: who asked."""

    operations: tuple[SemOp, ...] = ()
    undo: UndoList | None = None
    pid: int = 0
    blocking: SemOp | None = None

    @property
    def alters(self) -> bool:
        return any(operation.change for operation in self.operations)


@dataclass(slots=True, eq=False)
class UndoList:
    """semadj, by identifier of the set and number; shared by threads with CLONE_SYSVSEM. `users`: these."""

    adjustments: dict[int, dict[int, int]] = field(default_factory=dict)
    users: int = 1

    def of(self, identifier: int) -> dict[int, int]:
        """The adjustments of one set; made on first use."""
        return self.adjustments.setdefault(identifier, {})
