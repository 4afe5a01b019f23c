"""Timers of the kernel in virtual time: each fires at a cycle of a core, once or periodically."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from kernel_model.wait.queue import Waker

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu


class Turns(Protocol):
    """The scheduler as the timers know it: it decides which core runs next, and until when."""

    def no_longer_alone(self) -> None:
        """A timer may now have to fire while a core runs: the core's turn must end in time."""


class TimedWaker(Waker, Protocol):
    """The scheduler as a file with a timer knows it."""

    @property
    def timers(self) -> TimerList:
        """All armed timers."""


class Timer(ABC):
    """Armed while it is in a `TimerList`. `deadline` in cycles of core `cpu_index`."""

    ends: ClassVar[bool] = False  # it comes to an end by itself: it never fires for ever in vain
    deadline = 0
    cpu_index = 0

    @abstractmethod
    def fire(self, cpu: Cpu) -> None:
        """The deadline has come: the timer is no longer armed, and may arm itself again."""


class TimerList:
    """All armed timers."""

    def __init__(self, scheduler: Turns) -> None:
        self._scheduler = scheduler
        self.armed: list[Timer] = []
        self._in_vain = 0  # timers fired since a thread could last run

    def arm(self, cpu: Cpu, timer: Timer, deadline: int) -> None:
        """Fire at `deadline`, also when it is past. Moves an armed timer."""
        self.disarm(timer)
        timer.deadline, timer.cpu_index = deadline, cpu.index
        self.armed.append(timer)
        self._scheduler.no_longer_alone()

    def disarm(self, timer: Timer) -> None:
        if timer in self.armed:
            self.armed.remove(timer)

    def first(self) -> Timer | None:
        """The armed timer with the earliest deadline."""
        return min(self.armed, key=lambda timer: timer.deadline, default=None)

    def fire(self, cpu: Cpu, timer: Timer) -> None:
        self.armed.remove(timer)
        self._in_vain += not timer.ends
        timer.fire(cpu)

    def idle_in_vain(self) -> bool:
        """Whether all timers have fired without making a thread runnable: they never will."""
        return self._in_vain > 2 * len(self.armed)

    def somebody_runs(self) -> None:
        self._in_vain = 0
