"""What a file of /proc/PID is about: a process as a whole, or one of its threads."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.mm import Mm
from kernel_model.task.task import Process, Task
from kernel_model.task.trace_rights import DUMPABLE, credentials_of, may_trace

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_CLOCK_TICKS = 100  # a second: USER_HZ


@dataclass(frozen=True, slots=True)
class Subject:
    """`tid`: the number in the path. `task`: None of a zombie. `whole`: under /proc, not under a task directory."""

    process: Process
    tid: int
    task: Task | None
    whole: bool

    @property
    def name(self) -> str:
        """comm."""
        name = self.process.last_name if self.task is None else self.task.name
        return name.decode(errors="surrogateescape")

    @property
    def mm(self) -> Mm | None:
        """The address space; None of a zombie."""
        return None if self.task is None else self.process.mm

    def living(self) -> Task:
        """The thread. Raises LinuxError ESRCH of a zombie."""
        if self.task is None:
            raise LinuxError(Errno.ESRCH)
        return self.task


def owner_of(subject: Subject, mode: int) -> tuple[int, int]:
    """(user, group) of a file of the process (task_dump_owner): root, if that is not dumpable, but for directories."""
    mm = subject.mm
    if mode != stat.S_IFDIR | 0o555 and (mm is None or mm.settings.dumpable != DUMPABLE):
        return 0, 0
    task = subject.task
    credentials = credentials_of(subject.process) if task is None else task.credentials
    return credentials.user.effective, credentials.group.effective


def is_visible(call: Caller, subject: Subject) -> bool:
    """Whether the calling thread may see where the memory of the process lies, and what it sleeps in."""
    return may_trace(call.task, subject.process)


def ticks(call: Caller, cycles: int) -> int:
    """Cycles as clock ticks (1/100 s)."""
    return call.cpu.profile.to_ns(cycles) * _CLOCK_TICKS // 1_000_000_000


def find_process(call: Caller, name: bytes) -> Subject | None:
    """The subject of /proc/NAME: a process, or a thread by its number."""
    number = _number(name)
    process = call.kernel.processes.get(number)
    if process is not None:
        return Subject(process, number, leader(process), True)
    for other in call.kernel.processes.values():
        for task in other.tasks:
            if task.tid == number:
                return Subject(other, number, task, True)
    return None


def find_thread(process: Process, name: bytes) -> Subject | None:
    """The subject of a task directory's entry NAME."""
    number = _number(name)
    for task in process.tasks:
        if task.tid == number:
            return Subject(process, number, task, False)
    if not process.tasks and number == process.pid:
        return Subject(process, number, None, False)
    return None


def leader(process: Process) -> Task | None:
    """The thread that stands for the process: its first one that lives; None of a zombie."""
    return process.tasks[0] if process.tasks else None


def _number(name: bytes) -> int:
    """The process number that `name` is, written as Linux writes it; -1: it is none."""
    return int(name) if name.isdigit() and not name.startswith(b"0") and len(name) < 10 else -1
