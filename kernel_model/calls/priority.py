"""Nice values and priorities of input and output (kernel/sys.c, block/ioprio.c): kept and reported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import credentials_of
from kernel_model.calls.policy import is_same_user, may_be_nice
from kernel_model.task.credentials import CAP_SYS_ADMIN, CAP_SYS_NICE
from kernel_model.task.scheduling import IO_CLASS_SHIFT, NICE_MAX, NICE_MIN

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.task.task import Process, Task

_PROCESS, _GROUP, _USER = 0, 1, 2  # PRIO_*; IOPRIO_WHO_* are one more
_LEVELS: Final = 8
_NONE, _REAL_TIME, _BEST_EFFORT, _IDLE = 0, 1, 2, 3  # IOPRIO_CLASS_*


def getpriority(call: Call, which: int, who: int) -> int:
    """20 - nice of the one with the highest priority, the system call's result. Errors: EINVAL, ESRCH."""
    return max(NICE_MAX + 1 - task.scheduling.nice for task in _targets(call, as_int(which), as_int(who)))


def setpriority(call: Call, which: int, who: int, nice: int) -> int:
    """Errors: EINVAL, ESRCH, EPERM (another user), EACCES (a lower nice value than RLIMIT_NICE allows)."""
    wanted = max(NICE_MIN, min(NICE_MAX, as_int(nice)))
    error: Errno | None = None
    for task in _targets(call, as_int(which), as_int(who)):
        privileged = call.task.credentials.has(CAP_SYS_NICE)
        own, other = call.task.credentials.user, task.credentials.user
        if own.real != other.real and own.effective != other.real and not privileged:
            error = Errno.EPERM
        elif wanted < task.scheduling.nice and not privileged and not may_be_nice(task, wanted):
            error = Errno.EACCES
        else:
            task.scheduling = replace(task.scheduling, nice=wanted)
    if error is not None:
        raise LinuxError(error)
    return 0


def ioprio_set(call: Call, which: int, who: int, value: int) -> int:
    """Errors: EINVAL, ESRCH, EPERM."""
    value &= 0xFFFF
    kind, level = value >> IO_CLASS_SHIFT, value & (1 << IO_CLASS_SHIFT) - 1
    if kind > _IDLE or (kind == _NONE and level):
        raise LinuxError(Errno.EINVAL)
    who_asks = call.task.credentials
    if kind == _REAL_TIME and not (who_asks.has(CAP_SYS_ADMIN) or who_asks.has(CAP_SYS_NICE)):
        raise LinuxError(Errno.EPERM)
    for task in _targets(call, as_int(which) - 1, as_int(who)):
        if not is_same_user(call, task) and not who_asks.has(CAP_SYS_NICE):
            raise LinuxError(Errno.EPERM)
        task.scheduling = replace(task.scheduling, io_priority=value)
    return 0


def ioprio_get(call: Call, which: int, who: int) -> int:
    """The value that was set for a thread; the best one in effect for a group or a user. Errors: EINVAL, ESRCH."""
    targets = _targets(call, as_int(which) - 1, as_int(who))
    if as_int(which) - 1 == _PROCESS:
        return targets[0].scheduling.io_priority
    return min(task.scheduling.io_effective for task in targets)


def _targets(call: Call, which: int, who: int) -> list[Task]:
    """The threads that the call is about. Raises LinuxError EINVAL, ESRCH."""
    if which not in (_PROCESS, _GROUP, _USER):
        raise LinuxError(Errno.EINVAL)
    if which == _PROCESS:
        task = call.kernel.find_task(who) if who else call.task
        found = [task] if task is not None else []
    else:
        found = [task for process in _processes(call, which, who) for task in process.tasks]
    if not found:
        raise LinuxError(Errno.ESRCH)
    return found


def _processes(call: Call, which: int, who: int) -> list[Process]:
    every = call.kernel.processes.values()
    if which == _GROUP:
        return [process for process in every if process.group == (who or call.process.group)]
    user = who & 0xFFFF_FFFF if who else call.task.credentials.user.real
    return [process for process in every if credentials_of(process).user.real == user]
