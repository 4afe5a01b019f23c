"""The timers of timer_create that a process has, by number."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.time.timers import Timer

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

_INT_MAX: Final = (1 << 31) - 1


class ProcessTimer(Protocol):
    """One timer (kernel_model.process.posix_timer). `signo`: what it sends; 0: nothing."""

    number: int
    signo: int

    def stop(self) -> None:
        """Disarm the timer."""

    def resume(self, cpu: Cpu) -> None:
        """A thread of the process wakes: processor time passes again."""

    def heard_again(self, cpu: Cpu) -> None:
        """The process no longer ignores the signal: send the one that was dropped."""


class ProcessClockTimer(Timer):
    """A timer of setitimer, or of RLIMIT_CPU. `which`: ITIMER_*, or negative."""

    which: int

    @abstractmethod
    def resume(self, cpu: Cpu) -> None:
        """A thread of the process wakes: processor time passes again."""

    @abstractmethod
    def taken(self, cpu: Cpu) -> None:
        """A SIGALRM was taken."""


class PosixTimers:
    """The timers of one process, by number; numbers are given out in turn."""

    def __init__(self) -> None:
        self._timers: dict[int, ProcessTimer] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._timers)

    def all(self) -> list[ProcessTimer]:
        return list(self._timers.values())

    def get(self, number: int) -> ProcessTimer | None:
        return self._timers.get(number)

    def free_number(self) -> int:
        """The number that the next timer gets."""
        number = self._next
        while number in self._timers:
            number = number + 1 & _INT_MAX
        return number

    def add(self, timer: ProcessTimer) -> None:
        self._timers[timer.number] = timer
        self._next = timer.number + 1 & _INT_MAX

    def remove(self, timer: ProcessTimer) -> None:
        """timer_delete."""
        timer.stop()
        del self._timers[timer.number]

    def remove_all(self) -> None:
        """exit, execve."""
        for timer in self.all():
            self.remove(timer)

    def resume(self, cpu: Cpu) -> None:
        """A thread of the process wakes."""
        for timer in self.all():
            timer.resume(cpu)

    def heard_again(self, cpu: Cpu, signo: int) -> None:
        """The process no longer ignores `signo`."""
        for timer in self.all():
            if timer.signo == signo:
                timer.heard_again(cpu)
