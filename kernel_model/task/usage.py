"""What a thread has used: processor time, page faults, turns (kernel/sys.c, getrusage)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kernel_model.abi.structs import Rusage, Timeval
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.kernel import Kernel
    from kernel_model.task.task import Process, Task

_MICROSECONDS = 1_000_000


@dataclass(slots=True)
class Usage:
    """`time` is that of turns that are over, in cycles."""

    time: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0

    def add(self, other: Usage) -> None:
        self.time += other.time
        self.minor_faults += other.minor_faults
        self.major_faults += other.major_faults
        self.voluntary_switches += other.voluntary_switches
        self.involuntary_switches += other.involuntary_switches


class WaitedFault(NamedTuple):
    """A page fault that waits for userfaultfd. `access`: 0 or WRITE."""

    page: int
    access: int
    is_major: bool


def of_thread(kernel: Kernel, task: Task) -> Rusage:
    """RUSAGE_THREAD: the memory is the process's."""
    usage = _sum(task.usage)
    usage.time = kernel.scheduler.time_of_thread(task)
    return _rusage(kernel, usage, _peak_pages(task.process))


def of_process(kernel: Kernel, process: Process) -> Rusage:
    """RUSAGE_SELF."""
    return _rusage(kernel, _of_own(kernel, process), _peak_pages(process))


def of_children(kernel: Kernel, process: Process) -> Rusage:
    """RUSAGE_CHILDREN: those that were waited for, with all that they had waited for."""
    return _rusage(kernel, process.children_usage, process.children_peak_pages)


def of_child(kernel: Kernel, child: Process) -> Rusage:
    """What wait4 and waitid tell: the child and its own children."""
    usage = _sum(_of_own(kernel, child), child.children_usage)
    return _rusage(kernel, usage, max(_peak_pages(child), child.children_peak_pages))


def count_reaped(parent: Process, child: Process) -> None:
    """The zombie `child` was waited for."""
    parent.children_usage.add(child.dead_usage)
    parent.children_usage.add(child.children_usage)
    parent.children_peak_pages = max(parent.children_peak_pages, child.peak_pages, child.children_peak_pages)


def keep_peak(process: Process) -> None:
    """The process has no more use for its address space."""
    process.peak_pages = max(process.peak_pages, process.mm.pages.peak)


def _of_own(kernel: Kernel, process: Process) -> Usage:
    usage = _sum(process.dead_usage, *(task.usage for task in process.tasks))
    usage.time = kernel.scheduler.time_of_process(process)
    return usage


def _sum(*parts: Usage) -> Usage:
    total = Usage()
    for part in parts:
        total.add(part)
    return total


def _peak_pages(process: Process) -> int:
    return max(process.peak_pages, process.mm.pages.peak) if process.tasks else process.peak_pages


def _rusage(kernel: Kernel, usage: Usage, pages: int) -> Rusage:
    """All time is user time."""
    microseconds = kernel.cpus[0].profile.to_ns(usage.time) // 1000
    return Rusage(
        ru_utime=Timeval(*divmod(microseconds, _MICROSECONDS)),
        ru_maxrss=pages * PAGE_SIZE // 1024,
        ru_minflt=usage.minor_faults,
        ru_majflt=usage.major_faults,
        ru_nvcsw=usage.voluntary_switches,
        ru_nivcsw=usage.involuntary_switches,
    )
