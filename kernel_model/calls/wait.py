"""wait4 and waitid: changes of state of children (kernel/exit.c, do_wait)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from kernel_model.abi import uapi
from kernel_model.abi.signal import CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import credentials_of
from kernel_model.files.pidfd import PidFd
from kernel_model.process import exit
from kernel_model.sched.rusage import of_child
from kernel_model.task import usage
from kernel_model.task.task import Process
from kernel_model.wait.queue import Blocked

_SELECTING: Final = uapi.WNOTHREAD | uapi.WCLONE | uapi.WALL
_WAIT4: Final = uapi.WNOHANG | uapi.WUNTRACED | uapi.WCONTINUED | _SELECTING
_WAITID_EVENTS: Final = uapi.WEXITED | uapi.WUNTRACED | uapi.WCONTINUED
_WAITID: Final = _WAITID_EVENTS | uapi.WNOHANG | uapi.WNOWAIT | _SELECTING
_STOPPED_BITS, _CONTINUED_STATUS = 0x7F, 0xFFFF


class Change(NamedTuple):
    """A child's change of state: si_code, si_status, and wait4's status."""

    child: Process
    code: int
    status: int
    wait_status: int


def wait4(call: Call, pid: int, status: int, options: int, rusage: int) -> int:
    number, options = as_int(pid), options & 0xFFFF_FFFF
    if options & ~_WAIT4:
        raise LinuxError(Errno.EINVAL)
    if number == -(1 << 31):
        raise LinuxError(Errno.ESRCH)
    change = _wait(call, _children(call, number, options), options | uapi.WEXITED, "wait4")
    if change is None:
        return 0
    if status:
        call.memory.write_u32(status, change.wait_status)
    if rusage:
        call.memory.write_struct(rusage, of_child(call.kernel.scheduler, change.child))
    _take(call, change, options)
    return change.child.pid


def waitid(call: Call, kind: int, number: int, info: int, options: int, rusage: int) -> int:
    options &= 0xFFFF_FFFF
    if options & ~_WAITID or not options & _WAITID_EVENTS:
        _write_info(call, info, None)
        raise LinuxError(Errno.EINVAL)
    try:
        nonblocking = False
        if as_int(kind) == uapi.P_PIDFD:
            file = _pidfd(call, number)
            number, nonblocking = file.process.pid, file.nonblocking
            kind = uapi.P_PID
            if file.is_reaped:
                raise LinuxError(Errno.ECHILD)
        children = _children(call, _selector(call, as_int(kind), as_int(number)), options)
        change = _wait(call, children, options | (uapi.WNOHANG if nonblocking else 0), "waitid")
        if change is None and nonblocking and not options & uapi.WNOHANG:
            raise LinuxError(Errno.EAGAIN)
    except LinuxError:
        _write_info(call, info, None)
        raise
    _write_info(call, info, change)
    if change is not None:
        if rusage:
            call.memory.write_struct(rusage, of_child(call.kernel.scheduler, change.child))
        _take(call, change, options)
    return 0


def _pidfd(call: Call, fd: int) -> PidFd:
    """Raises LinuxError EINVAL, EBADF."""
    if as_int(fd) < 0:
        raise LinuxError(Errno.EINVAL)
    file = call.any_file(fd)
    if not isinstance(file, PidFd):
        raise LinuxError(Errno.EBADF)
    return file


def _write_info(call: Call, info: int, change: Change | None) -> None:
    """Write the fields that Linux writes; zeros when no child has changed."""
    if info:
        values = (0,) * 6
        if change is not None:
            uid = credentials_of(change.child).user.real
            values = (int(Signal.SIGCHLD), 0, change.code, change.child.pid, uid, change.status)
        call.memory.write(info, struct.pack("<iii", *values[:3]))
        call.memory.write(info + 16, struct.pack("<iIi", *values[3:]))


def _selector(call: Call, kind: int, number: int) -> int:
    """waitid's selection of children as wait4's `pid`. Raises LinuxError EINVAL."""
    if kind == uapi.P_ALL:
        return -1
    if kind == uapi.P_PID and number > 0:
        return number
    if kind == uapi.P_PGID and number >= 0:
        return -(number or call.process.group)
    raise LinuxError(Errno.EINVAL)


def _children(call: Call, pid: int, options: int) -> list[Process]:
    """The children that the call selects. Raises LinuxError ECHILD when it selects none."""
    group = call.process.group if pid == 0 else -pid

    def is_meant(child: Process) -> bool:
        if not options & uapi.WALL and (child.exit_signal != Signal.SIGCHLD) != bool(options & uapi.WCLONE):
            return False
        if options & uapi.WNOTHREAD and child.parent_task is not call.task:
            return False
        return pid == -1 or (child.pid == pid if pid > 0 else child.group == group)

    found = [child for child in call.process.children if is_meant(child)]
    if not found:
        raise LinuxError(Errno.ECHILD)
    return found


def _wait(call: Call, children: list[Process], options: int, name: str) -> Change | None:
    """The first child's change; None with WNOHANG. Raises Blocked."""
    for child in children:
        change = _change_of(child, options)
        if change is not None:
            return change
    if options & uapi.WNOHANG:
        return None
    numbers = ", ".join(str(child.pid) for child in children[:4]) + (" ..." if len(children) > 4 else "")
    raise Blocked(call.process.child_changes, why=f"the end of child {numbers} ({name})")


def _change_of(child: Process, options: int) -> Change | None:
    end = child.end
    if end is not None:
        if not options & uapi.WEXITED:
            return None
        if end.signal is None:
            return Change(child, CLD_EXITED, end.status, end.wait_status)
        return Change(child, CLD_KILLED, int(end.signal), end.wait_status)
    if options & uapi.WUNTRACED and not child.stop_seen and child.signals.stopped_by:
        number = child.signals.stopped_by
        return Change(child, CLD_STOPPED, number, number << 8 | _STOPPED_BITS)
    if options & uapi.WCONTINUED and not child.continue_seen:
        return Change(child, CLD_CONTINUED, int(Signal.SIGCONT), _CONTINUED_STATUS)
    return None


def _take(call: Call, change: Change, options: int) -> None:
    """Mark the change as reported, which reaps a zombie; not with WNOWAIT."""
    if options & uapi.WNOWAIT:
        return
    if change.child.end is not None:
        usage.count_reaped(call.process, change.child)
        exit.reap(call.kernel, call.cpu, change.child)
    elif change.code == CLD_STOPPED:
        change.child.stop_seen = True
    else:
        change.child.continue_seen = True
