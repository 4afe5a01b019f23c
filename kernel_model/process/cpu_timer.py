"""Timers that count processor time (kernel/time/posix-cpu-timers.c), or the machine's time."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from kernel_model.task.task import TaskState
from kernel_model.time.timers import Timer

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu

_TICK: Final = 4_000_000  # ns, CONFIG_HZ=250


class Time(Enum):
    """What a timer counts."""

    MACHINE = auto()  # virtual time, which passes everywhere
    PROCESSOR = auto()  # what a process or thread has run
    USER = auto()  # ... in ring 3


class CountingTimer(Timer):
    """A timer of `process` that expires at `expires` of its `time`; of `task` alone, when that is given."""

    def __init__(self, kernel: ProcessKernel, process: Process, time: Time, task: Task | None = None) -> None:
        self._kernel, self._process, self._task, self._time = kernel, process, task, time
        self.expires = 0
        self._dormant = False  # all threads sleep, and the processor time stands still

    @abstractmethod
    def expire(self, cpu: Cpu) -> None:
        """`expires` has come; the timer is no longer armed."""

    def now(self, cpu: Cpu) -> int:
        """Cycles of the time that it counts."""
        scheduler = self._kernel.scheduler
        if self._time is Time.MACHINE:
            return cpu.clock
        if self._task is not None:
            return scheduler.times.of_thread(self._task)
        user = self._time is Time.USER
        return scheduler.times.user_of_process(self._process) if user else scheduler.times.of_process(self._process)

    def start(self, cpu: Cpu, expires: int) -> None:
        """Arm the timer. Moves an armed one."""
        self.expires, self._dormant = expires, False
        delay = expires - self.now(cpu)
        self._kernel.scheduler.timers.arm(cpu, self, cpu.clock + self._not_below_a_tick(cpu, delay))

    def cancel(self) -> None:
        """Disarm the timer."""
        self._dormant = False
        self._kernel.scheduler.timers.disarm(self)

    def _not_below_a_tick(self, cpu: Cpu, cycles: int) -> int:
        """Linux checks processor time only at its tick: at least one tick."""
        return cycles if self._time is Time.MACHINE else max(cycles, cpu.profile.to_cycles(_TICK))

    def fire(self, cpu: Cpu) -> None:
        missing = 0 if self._time is Time.MACHINE else self.expires - self.now(cpu)
        if missing <= 0:
            self.expire(cpu)
            return
        tasks = self._process.tasks if self._task is None else [self._task]
        running = sum(task.state is TaskState.RUNNABLE for task in tasks)
        self._dormant = not running  # otherwise its threads have slept meanwhile
        if running:
            delay = self._not_below_a_tick(cpu, missing // running + 1)
            self._kernel.scheduler.timers.arm(cpu, self, cpu.clock + delay)

    def resume(self, cpu: Cpu) -> None:
        """A thread of the process wakes: processor time passes again."""
        if self._dormant:
            self.start(cpu, self.expires)
