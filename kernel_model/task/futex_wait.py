"""What a thread that sleeps in a futex call waits for (kernel/futex/futex.h: struct futex_q and futex_pi_state)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Mappable
    from kernel_model.task.task import Task
    from kernel_model.wait.queue import WaitQueue

ANY: Final = 0xFFFF_FFFF  # FUTEX_BITSET_MATCH_ANY
Key = tuple["Mm | Mappable", int, bool]  # the bool: private


class PiState:
    """The lock behind a futex with priority inheritance; it exists while threads wait for it, in `queue`."""

    def __init__(self, owner: Task, queue: WaitQueue) -> None:
        self.owner, self.queue = owner, queue


@dataclass(slots=True)
class FutexWait:
    """A sleep in a futex call. `bits`: of FUTEX_WAIT_BITSET. `lock`: the awaited lock; its word lies at `address`.

    `target`: of a thread in FUTEX_WAIT_REQUEUE_PI, the lock that FUTEX_CMP_REQUEUE_PI may move it to.
    """

    bits: int = ANY
    lock: PiState | None = None
    target: Key | None = None
    address: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether FUTEX_WAKE may wake the thread and FUTEX_REQUEUE may move it."""
        return self.lock is None and self.target is None
