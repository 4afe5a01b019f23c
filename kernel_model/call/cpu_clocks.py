"""The clocks of single processes and threads (kernel/time/posix-cpu-timers.c): negative numbers with an id inside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.task.task import Process, Task

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_PER_THREAD = 4


class Kind(IntEnum):
    """CPUCLOCK_*: user and system time, user time, all of it."""

    PROF = 0
    VIRT = 1
    SCHED = 2

    @property
    def is_user(self) -> bool:
        return self is Kind.VIRT


@dataclass(frozen=True, slots=True)
class CpuClock:
    """`task` None: of the whole process."""

    process: Process
    task: Task | None
    kind: Kind


def find(call: Call, clock: int) -> CpuClock:
    """The clock with this negative number. Raises LinuxError EINVAL: it names no thread, or not one of the caller."""
    if clock & 3 == 3:
        raise LinuxError(Errno.EINVAL)  # not of processor time: of a clock device
    number, kind = ~(clock >> 3), Kind(clock & 3)
    if clock & _PER_THREAD:
        tasks = call.process.tasks if number else [call.task]
        task = next((task for task in tasks if number in (0, task.tid)), None)
        if task is None:
            raise LinuxError(Errno.EINVAL)
        return CpuClock(call.process, task, kind)
    process = call.kernel.processes.get(number) if number else call.process
    if process is None or not process.tasks:
        raise LinuxError(Errno.EINVAL)
    return CpuClock(process, None, kind)


def cycles(call: Call, clock: int) -> int:
    """What the clock shows, in cycles. Raises LinuxError EINVAL."""
    found, scheduler = find(call, clock), call.kernel.scheduler
    if found.task is not None:
        return (scheduler.times.user_of_thread if found.kind.is_user else scheduler.times.of_thread)(found.task)
    return (scheduler.times.user_of_process if found.kind.is_user else scheduler.times.of_process)(found.process)
