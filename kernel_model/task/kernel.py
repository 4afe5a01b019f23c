"""The kernel as the layers below it know it (kernel_model.kernel is the whole)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel_model.wait.queue import Waker

if TYPE_CHECKING:
    from kernel_model.task.siginfo import SigInfo
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu


class Scheduling(Waker, Protocol):
    """The scheduler."""

    def wake(self, waker: Cpu | None, task: Task) -> None:
        """Make a sleeping thread runnable."""

    def is_running(self, task: Task) -> bool:
        """Whether `task` is the running thread of its core."""


class Kernel(Protocol):
    @property
    def processes(self) -> dict[int, Process]:
        """By process id, zombies too."""

    @property
    def scheduler(self) -> Scheduling: ...

    def kill(self, cpu: Cpu, task: Task, info: SigInfo) -> None:
        """The process dies of a signal that `task` took."""

    def forget_fault(self, task: Task) -> None:
        """The thread no longer waits for a userfaultfd."""

    def continued(self, cpu: Cpu, process: Process) -> None:
        """SIGCONT ended a stop of the process."""
