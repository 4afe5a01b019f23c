"""The kernel as the end of threads and processes, their futexes and their signals know it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from kernel_model.uintr.kernel import UintrKernel, UintrOptions

if TYPE_CHECKING:
    from kernel_model.abi.uapi import Errno
    from kernel_model.files.file import File
    from kernel_model.files.host_pages import HostPageCaches
    from kernel_model.mm.mm import Mm
    from kernel_model.printk import Printk
    from kernel_model.process.futex import FutexTable
    from kernel_model.sched.scheduler import Scheduler
    from kernel_model.task.process_end import ProcessEnd
    from kernel_model.task.siginfo import SigInfo
    from kernel_model.task.sleep import PendingCall
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu


class ProcessOptions(UintrOptions, Protocol):
    @property
    def outlive(self) -> bool:
        """The run goes on after its first process, while others can be heard."""


class InterruptedCalls(Protocol):
    """What becomes of calls whose sleep a signal has ended (kernel_model.entry)."""

    def restart(self, cpu: Cpu, task: Task, call: PendingCall) -> None:
        """It starts again: no handler ran."""

    def return_error(self, cpu: Cpu, task: Task, call: PendingCall, errno: Errno) -> None:
        """It fails."""


class ProcessKernel(UintrKernel, Protocol):
    cpus: list[Cpu]
    futexes: FutexTable
    host_pages: HostPageCaches
    printk: Printk
    first_process: Process | None
    ended: ProcessEnd | None  # the first process's end, once the run is over
    outputs: list[File]  # those through which the guest is heard
    parent_deaths: deque[tuple[SigInfo, Process]]  # signals on their way
    signals_wait: bool  # a debugger wants the machine to stand between two instructions

    @property
    def scheduler(self) -> Scheduler: ...

    @property
    def options(self) -> ProcessOptions: ...

    @property
    def entry(self) -> InterruptedCalls: ...

    def release_mm(self, cpu: Cpu, mm: Mm) -> None:
        """No thread runs in `mm` any more."""
