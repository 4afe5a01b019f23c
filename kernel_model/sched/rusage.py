"""struct rusage of threads and processes (kernel/sys.c, getrusage)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.structs import Rusage, Timeval
from kernel_model.sched.scheduler import Scheduler
from kernel_model.task.usage import Usage
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.task.task import Process, Task

_MICROSECONDS = 1_000_000


def of_thread(scheduler: Scheduler, task: Task) -> Rusage:
    """RUSAGE_THREAD: a thread's usage; memory is the process's."""
    usage = _sum(task.usage)
    usage.time, usage.user = scheduler.times.of_thread(task), scheduler.times.user_of_thread(task)
    return _rusage(scheduler, usage, _peak_pages(task.process))


def of_process(scheduler: Scheduler, process: Process) -> Rusage:
    """RUSAGE_SELF: the usage of all threads of the process."""
    return _rusage(scheduler, _of_own(scheduler, process), _peak_pages(process))


def of_children(scheduler: Scheduler, process: Process) -> Rusage:
    """RUSAGE_CHILDREN: the children that were waited for, and the children these had waited for."""
    return _rusage(scheduler, process.children_usage, process.children_peak_pages)


def of_child(scheduler: Scheduler, child: Process) -> Rusage:
    """The usage that wait4 and waitid report: the child's and its own children's."""
    usage = _sum(_of_own(scheduler, child), child.children_usage)
    return _rusage(scheduler, usage, max(_peak_pages(child), child.children_peak_pages))


def _of_own(scheduler: Scheduler, process: Process) -> Usage:
    usage = _sum(process.dead_usage, *(task.usage for task in process.tasks))
    usage.time, usage.user = scheduler.times.of_process(process), scheduler.times.user_of_process(process)
    return usage


def _sum(*parts: Usage) -> Usage:
    total = Usage()
    for part in parts:
        total.add(part)
    return total


def _peak_pages(process: Process) -> int:
    return max(process.peak_pages, process.mm.pages.peak) if process.tasks else process.peak_pages


def _rusage(scheduler: Scheduler, usage: Usage, pages: int) -> Rusage:
    """Time that is not the instructions' is system time."""
    user, total = (scheduler.profile.to_ns(cycles) // 1000 for cycles in (usage.user, usage.time))
    return Rusage(
        ru_utime=Timeval(*divmod(user, _MICROSECONDS)),
        ru_stime=Timeval(*divmod(max(0, total - user), _MICROSECONDS)),
        ru_maxrss=pages * PAGE_SIZE // 1024,
        ru_minflt=usage.minor_faults,
        ru_majflt=usage.major_faults,
        ru_nvcsw=usage.voluntary_switches,
        ru_nivcsw=usage.involuntary_switches,
    )
