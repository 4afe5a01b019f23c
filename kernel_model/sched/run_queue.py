"""A core's run queue: the thread that runs, and those that wait for the core in the order in which they get it.

Threads of SCHED_IDLE stand behind all others. They get one turn in 341 beside them, as their weight on Linux has it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_model.task.scheduling import BATCH, IDLE

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

QUANTUM: Final = 20_000  # cycles a core may run ahead of the next one, or a thread before its core's next thread
_IDLE_TURNS: Final = 1024 // 3  # other threads' turns to one of SCHED_IDLE: NICE_0_LOAD over WEIGHT_IDLEPRIO


@dataclass(slots=True)
class RunQueue:
    """`loaded`: the thread whose registers the core holds, even while it sleeps."""

    waiting: deque[Task] = field(default_factory=deque)
    current: Task | None = None
    loaded: Task | None = None
    last_tid: int = 0  # the thread that ran last; 0 after idling
    turn_ends: int = 0  # clock at which `current` must let a waiting thread run
    since: int = 0  # clock when `current` began its turn
    user_since: int = 0  # time of the core's instructions then
    mm: Mm | None = None  # the loaded address space
    active: bool = False  # the scheduler looks at this core
    passed: int = 0  # turns that went on while a thread of SCHED_IDLE was the first that waits

    def put(self, task: Task) -> None:
        """Let `task` wait behind those that come before it."""
        place = len(self.waiting)
        if task.scheduling.policy != IDLE:
            while place and self.waiting[place - 1].scheduling.policy == IDLE:
                place -= 1
        self.waiting.insert(place, task)

    def rotate(self) -> bool:
        """The turn of `current` is over: let it wait. False: it goes on, for it is not yet the first one's turn."""
        assert self.current is not None
        if self.current.scheduling.policy == IDLE or self.waiting[0].scheduling.policy != IDLE:
            self.put(self.current)
        elif self.passed < _IDLE_TURNS - 1:
            self.passed += 1
            return False
        else:
            self.waiting.append(self.current)
            self.passed = 0
        return True

    def gives_way(self, task: Task, *, wakeup_preemption: bool) -> bool:
        """Whether `task`, which was woken, takes the core from the one that runs (Linux: wakeup_preempt)."""
        if self.current is None or task.scheduling.policy == IDLE:
            return False
        return self.current.scheduling.policy == IDLE or (wakeup_preemption and task.scheduling.policy != BATCH)

    def give_way(self, task: Task, due: int) -> None:
        """Let `task`, which waits and which `current` gives way to, have the core at the clock `due`."""
        assert self.current is not None
        if self.current.scheduling.policy != IDLE:
            self.waiting.remove(task)
            self.waiting.appendleft(task)
        elif self.waiting[0] is task:  # else `current` has given way to another one
            self.turn_ends = due
        self.turn_ends = min(self.turn_ends, due)

    def account(self, cpu: Cpu) -> None:
        """Add the turn of `current` on `cpu`, this queue's core, to the thread's processor time."""
        if self.current is not None:
            self.current.usage.time += cpu.clock - self.since
            self.current.usage.user += cpu.instruction_clock - self.user_since
