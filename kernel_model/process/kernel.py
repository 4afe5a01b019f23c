"""The kernel as the code for exit, futexes and signal delivery knows it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from kernel_model.uintr.kernel import UintrKernel, UintrOptions

if TYPE_CHECKING:
    from kernel_model.abi.uapi import Errno
    from kernel_model.files.file import File
    from kernel_model.files.file_locks import FileLocks
    from kernel_model.files.file_owner import FileSignal
    from kernel_model.files.host_pages import HostPageCaches
    from kernel_model.files.terminals.terminals import Terminals
    from kernel_model.ipc.namespace import IpcNamespace
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
        """The run goes on after its first process while another one can still write output."""


class InterruptedCalls(Protocol):
    """How calls whose sleep a signal has ended go on (kernel_model.entry)."""

    def restart(self, cpu: Cpu, task: Task, call: PendingCall) -> None:
        """Start the call again: no handler ran."""

    def return_error(self, cpu: Cpu, task: Task, call: PendingCall, errno: Errno) -> None:
        """Let the call fail with `errno`."""


class ProcessKernel(UintrKernel, Protocol):
    cpus: list[Cpu]
    futexes: FutexTable
    file_locks: FileLocks
    file_signals: deque[FileSignal]
    host_pages: HostPageCaches
    ipc: IpcNamespace
    printk: Printk
    first_process: Process | None
    ended: ProcessEnd | None  # the first process's end, once the run is over
    outputs: list[File]  # files that reach the machine's standard output and error
    signals_of_ends: deque[tuple[SigInfo, Process]]  # to parents and children, still to be sent
    terminals: Terminals
    signals_wait: bool  # a debugger holds the machine between two instructions: no signal acts

    @property
    def scheduler(self) -> Scheduler: ...

    @property
    def options(self) -> ProcessOptions: ...

    @property
    def entry(self) -> InterruptedCalls: ...

    def release_mm(self, cpu: Cpu, mm: Mm) -> None:
        """The last thread of `mm` is gone: free its memory."""
