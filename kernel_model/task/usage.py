"""Resource use of a thread: processor time, page faults, context switches (kernel/sys.c, getrusage)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_model.task.task import Process


@dataclass(slots=True)
class Usage:
    """Counters of a thread, or sums of them. `time`: cycles of the turns that have ended; `user`: those in ring 3."""

    time: int = 0
    user: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0
    reads: int = 0  # calls of read and its relatives, and their bytes
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0

    def add(self, other: Usage) -> None:
        self.time += other.time
        self.user += other.user
        self.minor_faults += other.minor_faults
        self.major_faults += other.major_faults
        self.voluntary_switches += other.voluntary_switches
        self.involuntary_switches += other.involuntary_switches
        self.reads += other.reads
        self.writes += other.writes
        self.read_bytes += other.read_bytes
        self.written_bytes += other.written_bytes


def count_reaped(parent: Process, child: Process) -> None:
    """Add the use of the zombie `child`, which was waited for, to its parent's children."""
    parent.children_usage.add(child.dead_usage)
    parent.children_usage.add(child.children_usage)
    parent.children_peak_pages = max(parent.children_peak_pages, child.peak_pages, child.children_peak_pages)


def keep_peak(process: Process) -> None:
    """The process is about to leave its address space: remember its peak of resident pages."""
    process.peak_pages = max(process.peak_pages, process.mm.pages.peak)
