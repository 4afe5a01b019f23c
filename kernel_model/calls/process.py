"""Relations of processes: parents, process groups, sessions; exit."""

from __future__ import annotations

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.process import exit
from kernel_model.task.process_end import ProcessEnd
from kernel_model.task.task import Process


def exit_thread(call: Call, status: int) -> int:
    exit.end_thread(call.kernel, call.cpu, call.task, status & 0xFF)
    return 0


def exit_group(call: Call, status: int) -> int:
    exit.end_process(call.kernel, call.cpu, call.process, ProcessEnd(status & 0xFF))
    return 0


def sched_yield(call: Call) -> int:
    call.kernel.scheduler.preempt(call.cpu)
    return 0


def gettid(call: Call) -> int:
    return call.task.tid


def getpid(call: Call) -> int:
    return call.process.pid


def getppid(call: Call) -> int:
    """The parent's number; 0: it is outside the machine."""
    return call.process.parent.pid if call.process.parent is not None else 0


def getpgid(call: Call, pid: int) -> int:
    return _process(call, as_int(pid)).group


def getpgrp(call: Call) -> int:
    return call.process.group


def getsid(call: Call, pid: int) -> int:
    return _process(call, as_int(pid)).session


def setpgid(call: Call, pid: int, group: int) -> int:
    """Errors: EINVAL, ESRCH (not the caller or its child), EACCES (a child after execve), EPERM."""
    number, own = as_int(group), call.process
    if number < 0:
        raise LinuxError(Errno.EINVAL)
    target = _process(call, as_int(pid))
    if target is not own and target.parent is not own:
        raise LinuxError(Errno.ESRCH)
    number = number or target.pid
    if target.session == target.pid or target.session != own.session:
        raise LinuxError(Errno.EPERM)
    if target is not own and target.has_execed:
        raise LinuxError(Errno.EACCES)
    if number != target.pid and not _group_exists(call, number, target.session):
        raise LinuxError(Errno.EPERM)
    target.group = number
    return 0


def _group_exists(call: Call, group: int, session: int) -> bool:
    return any(other.group == group and other.session == session for other in call.kernel.processes.values())


def setsid(call: Call) -> int:
    own = call.process
    if any(other.group == own.pid for other in call.kernel.processes.values()):
        raise LinuxError(Errno.EPERM)
    own.group = own.session = own.pid
    own.terminal, own.lost_group = None, 0
    return own.pid


def _process(call: Call, pid: int) -> Process:
    """The process `pid`; 0: the caller's. Raises LinuxError ESRCH."""
    if pid == 0:
        return call.process
    found = call.kernel.processes.get(pid)
    if found is None:
        raise LinuxError(Errno.ESRCH)
    return found
