"""Scheduling policies and priorities (kernel/sched/syscalls.c), and membarrier: one policy, SCHED_OTHER, nice 0."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int

_OTHER, _FIFO, _RR, _BATCH, _IDLE, _DEADLINE, _EXT = 0, 1, 2, 3, 5, 6, 7
_RESET_ON_FORK: Final = 0x4000_0000
_REAL_TIME: Final = (_FIFO, _RR)
_POLICIES: Final = (_OTHER, *_REAL_TIME, _BATCH, _IDLE, _DEADLINE, _EXT)
_NICE_RAW: Final = 20  # getpriority's result for nice 0
_PRIORITY_TARGETS: Final = (0, 1, 2)  # PRIO_PROCESS, PRIO_PGRP, PRIO_USER
_MEMBARRIER: Final = 0x1F  # GLOBAL, GLOBAL_EXPEDITED, PRIVATE_EXPEDITED, and the registrations of the last two
_MEMBARRIER_REGISTERS: Final = {4: 2, 16: 8}  # command -> the one it allows


def sched_getscheduler(call: Call, pid: int) -> int:
    _existing(call, pid)
    return _OTHER


def sched_getparam(call: Call, pid: int, address: int) -> int:
    if not address:
        raise LinuxError(Errno.EINVAL)
    _existing(call, pid)
    call.memory.write_u32(address, 0)
    return 0


def sched_setparam(call: Call, pid: int, address: int) -> int:
    return _set(call, pid, _OTHER, address)


def sched_setscheduler(call: Call, pid: int, policy: int, address: int) -> int:
    """Real-time policies are not modelled: EPERM, as without CAP_SYS_NICE."""
    if as_int(policy) < 0:
        raise LinuxError(Errno.EINVAL)
    return _set(call, pid, as_int(policy) & ~_RESET_ON_FORK, address)


def _set(call: Call, pid: int, policy: int, address: int) -> int:
    if not address:
        raise LinuxError(Errno.EINVAL)
    priority = as_int(call.memory.read_u32(address))
    _existing(call, pid)
    if policy not in _POLICIES or policy in (_DEADLINE, _EXT):
        raise LinuxError(Errno.EINVAL)
    if not (1 <= priority <= 99 if policy in _REAL_TIME else priority == 0):
        raise LinuxError(Errno.EINVAL)
    if policy in _REAL_TIME:
        raise call.unsupported("a real-time scheduling policy", Errno.EPERM)
    return 0


def sched_get_priority_max(call: Call, policy: int) -> int:
    return 99 if _policy(policy) in _REAL_TIME else 0


def sched_get_priority_min(call: Call, policy: int) -> int:
    return 1 if _policy(policy) in _REAL_TIME else 0


def getpriority(call: Call, which: int, who: int) -> int:
    """20 - nice, the system call's result."""
    _target(call, which, who)
    return _NICE_RAW


def setpriority(call: Call, which: int, who: int, nice: int) -> int:
    _target(call, which, who)
    if as_int(nice):
        raise call.unsupported("nice values", Errno.EACCES)
    return 0


def membarrier(call: Call, command: int, flags: int, cpu: int) -> int:
    """Without effect, because cores see each other's stores at once; registration is checked as on Linux."""
    what = as_int(command)
    if flags & 0xFFFF_FFFF or what < 0 or what & (what - 1) or what & ~_MEMBARRIER:
        raise LinuxError(Errno.EINVAL)
    if what == 0:
        return _MEMBARRIER
    call.process.membarriers |= _MEMBARRIER_REGISTERS.get(what, 0)
    if what == 8 and not call.process.membarriers & what:
        raise LinuxError(Errno.EPERM)
    return 0


def _policy(policy: int) -> int:
    if as_int(policy) not in _POLICIES:
        raise LinuxError(Errno.EINVAL)
    return as_int(policy)


def _existing(call: Call, pid: int) -> None:
    number = as_int(pid)
    if number < 0:
        raise LinuxError(Errno.EINVAL)
    if number and call.kernel.find_task(number) is None:
        raise LinuxError(Errno.ESRCH)


def _target(call: Call, which: int, who: int) -> None:
    if as_int(which) not in _PRIORITY_TARGETS:
        raise LinuxError(Errno.EINVAL)
    if as_int(which) == 0 and as_int(who):
        _existing(call, who)
