"""What a thread may do to others (kernel/signal.c, kernel/ptrace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.task.credentials import CAP_KILL
from kernel_model.task.trace_rights import credentials_of as credentials_of
from kernel_model.task.trace_rights import may_trace

if TYPE_CHECKING:
    from kernel_model.task.task import Process, Task


def may_signal(task: Task, target: Process, signo: int) -> bool:
    """check_kill_permission: the same user, CAP_KILL, or SIGCONT within the session."""
    if target is task.process:
        return True
    own, other = task.credentials, credentials_of(target)
    if {own.user.effective, own.user.real} & {other.user.saved, other.user.real} or own.has(CAP_KILL):
        return True
    return signo == Signal.SIGCONT and target.session == task.process.session


def check_trace(task: Task, target: Process, *, real: bool = False) -> None:
    """__ptrace_may_access: may the thread read the memory and the descriptors of `target`? `real`: by its real user.

    Raises LinuxError EPERM.
    """
    if not may_trace(task, target, real=real):
        raise LinuxError(Errno.EPERM)


def need(task: Task, capability: int, errno: Errno = Errno.EPERM) -> None:
    """Raises LinuxError EPERM, or `errno`, unless the capability is in force."""
    if not task.credentials.has(capability):
        raise LinuxError(errno)
