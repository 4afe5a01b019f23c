"""Timers of the kernel in virtual time: what fires at a cycle of a core, once or again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel_model.wait.queue import Waker

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu


class Turns(Protocol):
    """Who decides what runs next: the scheduler."""

    def no_longer_alone(self) -> None:
        """Something else may have to happen while a core runs."""


class TimedWaker(Waker, Protocol):
    """The scheduler as a file with a timer knows it."""

    @property
    def timers(self) -> TimerList:
        """All armed timers."""


class Timer:
    """Armed while it is in a `TimerList`. `deadline` in cycles of core `cpu_index`."""

    deadline = 0
    cpu_index = 0

    def fire(self, cpu: Cpu) -> None:
        """It is time; the timer is not armed any more, and may arm itself again."""
        raise NotImplementedError


class TimerList:
    """All armed timers."""

    def __init__(self, scheduler: Turns) -> None:
        self._scheduler = scheduler
        self.armed: list[Timer] = []
        self._in_vain = 0  # timers fired since anybody could run

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
        """The one due first."""
        return min(self.armed, key=lambda timer: timer.deadline, default=None)

    def fire(self, cpu: Cpu, timer: Timer) -> None:
        self.armed.remove(timer)
        self._in_vain += 1
        timer.fire(cpu)

    def idle_in_vain(self) -> bool:
        """Nobody could run, and every timer has fired without changing that: it never will."""
        return self._in_vain > 2 * len(self.armed)

    def somebody_runs(self) -> None:
        self._in_vain = 0
