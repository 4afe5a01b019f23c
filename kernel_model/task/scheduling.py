"""A thread's scheduling policy and priorities. All threads run alike, but two kinds (sched/run_queue.py).

One of SCHED_IDLE runs when no other thread wants its core; one of SCHED_BATCH preempts no other when it is woken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

OTHER, FIFO, RR, BATCH, IDLE, DEADLINE = 0, 1, 2, 3, 5, 6  # SCHED_*
POLICIES: Final = (OTHER, FIFO, RR, BATCH, IDLE, DEADLINE)
REAL_TIME: Final = (FIFO, RR)
NICE_MIN, NICE_MAX = -20, 19
IO_BEST_EFFORT: Final = 2  # IOPRIO_CLASS_BE
IO_CLASS_SHIFT: Final = 13

_SPECIAL: Final = (*REAL_TIME, DEADLINE)  # policies without a nice value


@dataclass(frozen=True, slots=True)
class Scheduling:
    """`priority`: of a real-time policy. `deadline`: runtime, deadline, period of SCHED_DEADLINE, in nanoseconds."""

    policy: int = OTHER
    priority: int = 0
    nice: int = 0
    resets_on_fork: bool = False
    deadline: tuple[int, int, int] = (0, 0, 0)
    io_priority: int = 0  # ioprio_set's value; 0: it follows from the nice value

    def inherited(self) -> Scheduling:
        """What a new thread or process starts with."""
        if not self.resets_on_fork:
            return self
        special = self.is_real_time
        nice = 0 if special else max(0, self.nice)
        policy = OTHER if special else self.policy
        return replace(self, policy=policy, priority=0, nice=nice, resets_on_fork=False, deadline=(0, 0, 0))

    @property
    def is_real_time(self) -> bool:
        """Whether the policy is one of FIFO, RR and DEADLINE."""
        return self.policy in _SPECIAL

    @property
    def io_effective(self) -> int:
        """The priority of its input and output: class and level."""
        if self.io_priority >> IO_CLASS_SHIFT:
            return self.io_priority
        kind = 1 if self.policy in _SPECIAL else 3 if self.policy == IDLE else IO_BEST_EFFORT
        return kind << IO_CLASS_SHIFT | (self.nice - NICE_MIN) // 5
