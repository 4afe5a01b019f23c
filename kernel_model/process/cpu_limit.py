"""RLIMIT_CPU (kernel/time/posix-cpu-timers.c): SIGXCPU each second from the soft limit on, SIGKILL at the hard one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.limits import CPU, INFINITY
from kernel_model.abi.uapi import Signal
from kernel_model.process.cpu_timer import CountingTimer, Time
from kernel_model.signal import send as signal_send
from kernel_model.task.posix_timers import ProcessClockTimer
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu

NAME: Final = -1  # in the place of an interval timer's number


class CpuLimit(CountingTimer, ProcessClockTimer):
    """Watches one process's processor time; made when it first has a limit."""

    which = NAME

    def __init__(self, kernel: ProcessKernel, process: Process) -> None:
        super().__init__(kernel, process, Time.PROCESSOR)

    def renew(self, cpu: Cpu) -> None:
        """The limit is new: wait for it."""
        soft, hard = self._process.limits[CPU]
        first = min(max(soft, 1), hard)
        self.cancel()
        if first != INFINITY:
            self.start(cpu, first * cpu.profile.frequency)

    def expire(self, cpu: Cpu) -> None:
        soft, hard = self._process.limits[CPU]
        seconds = self.now(cpu) // cpu.profile.frequency
        if seconds >= hard:
            signal_send.send_to_process(self._kernel, cpu, SigInfo.from_kernel(Signal.SIGKILL), self._process)
            return
        if seconds >= soft:
            self._process.limits[CPU] = (max(soft, 1) + 1, hard)
            signal_send.send_to_process(self._kernel, cpu, SigInfo.from_kernel(Signal.SIGXCPU), self._process)
        if self._process.tasks:
            self.renew(cpu)

    def taken(self, cpu: Cpu) -> None:
        """A SIGALRM is none of this timer."""


def watch(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """RLIMIT_CPU was set, or inherited over fork."""
    watcher = next((timer for timer in process.timers if isinstance(timer, CpuLimit)), None)
    if watcher is None and min(process.limits[CPU]) == INFINITY:
        return
    if watcher is None:
        watcher = CpuLimit(kernel, process)
        process.timers.append(watcher)
    watcher.renew(cpu)
