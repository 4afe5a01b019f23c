"""Send the signals of files with O_ASYNC (fs/fcntl.c, send_sigio)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.locks import F_OWNER_PGRP, F_OWNER_TID
from kernel_model.abi.signal import POLL_HUP, POLL_IN, POLL_MSG, POLL_OUT, SI_SIGIO
from kernel_model.abi.uapi import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM, Signal
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.files.file_owner import FileSignal
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_POLLMSG: Final = 0x400
_BANDS: Final = {
    POLL_IN: POLLIN | POLLRDNORM, POLL_OUT: POLLOUT | POLLWRNORM | POLLWRBAND, POLL_MSG: POLLIN | POLLRDNORM | _POLLMSG,
    POLL_HUP: POLLHUP | POLLERR,
}  # fmt: skip
_OWN_CODES: Final = (Signal.SIGILL, Signal.SIGFPE, Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGTRAP, Signal.SIGCHLD)


def send_waiting(kernel: ProcessKernel, cpu: Cpu) -> None:
    """Send what files asked for during the call that ends."""
    while kernel.file_signals:
        signal = kernel.file_signals.popleft()
        for task, alone in _targets(kernel, signal):
            if not _send(kernel, cpu, _info(signal), task, alone):  # the queue is full
                _send(kernel, cpu, SigInfo.from_kernel(Signal.SIGIO), task, alone)


def _send(kernel: ProcessKernel, cpu: Cpu, info: SigInfo, task: Task, alone: bool) -> bool:
    if alone:
        return signal_send.send_to_task(kernel, cpu, info, task)
    return signal_send.send_to_process(kernel, cpu, info, task.process)


def _targets(kernel: ProcessKernel, signal: FileSignal) -> list[tuple[Task, bool]]:
    """The threads to send to, and whether the signal is for that thread alone."""
    kind, number = signal.owner.kind, signal.owner.number
    living = [process for process in kernel.processes.values() if process.tasks]
    if kind == F_OWNER_TID:
        return [(task, True) for process in living for task in process.tasks if task.tid == number]
    if kind == F_OWNER_PGRP:
        return [(process.tasks[0], False) for process in living if process.group == number]
    return [(process.tasks[0], False) for process in living if process.pid == number]


def _info(signal: FileSignal) -> SigInfo:
    signo, reason = signal.owner.signo, signal.reason
    if not signo:
        return SigInfo.from_kernel(Signal.SIGIO)
    code = SI_SIGIO if signo in _OWN_CODES else reason
    return SigInfo.of_file(signo, code, _BANDS[reason], signal.fd)
