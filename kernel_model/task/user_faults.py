"""User faults of a thread (UserFault, KrakOS): the kernel enables them and switches their state, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.prctl import PR_USER_FAULTS_DISABLE, PR_USER_FAULTS_ENABLE, PR_USER_FAULTS_STATUS
from kernel_model.abi.uapi import Errno, LinuxError
from pffemu.arch.paging import is_canonical

if TYPE_CHECKING:
    from kernel_model.task.task import Task


def prctl(task: Task, what: int, handler: int) -> int:
    """PR_USER_FAULTS for the calling thread. STATUS: 1 if they are enabled. UFF is 0 afterwards: STUF sets it.

    Errors: EINVAL (`what`), EFAULT (the handler's address is not canonical).
    """
    if what == PR_USER_FAULTS_STATUS:
        return int(task.user_faults.enabled)
    if what not in (PR_USER_FAULTS_ENABLE, PR_USER_FAULTS_DISABLE):
        raise LinuxError(Errno.EINVAL)
    if what == PR_USER_FAULTS_ENABLE and not is_canonical(handler):
        raise LinuxError(Errno.EFAULT)
    disable_user_faults(task)
    if what == PR_USER_FAULTS_ENABLE:
        task.user_faults.enabled, task.user_faults.handler = True, handler
    return 0


def disable_user_faults(task: Task) -> None:
    """In place: the core that runs the thread has the state loaded."""
    state = task.user_faults
    state.enabled, state.uff, state.handler = False, False, 0
