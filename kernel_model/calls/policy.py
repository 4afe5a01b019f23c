"""Scheduling policies (kernel/sched/syscalls.c): checked, kept and reported. What they do: task/scheduling.py."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.limits import NICE, RTPRIO
from kernel_model.abi.structs import Timespec
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.task.credentials import CAP_SYS_NICE
from kernel_model.task.scheduling import (
    BATCH,
    DEADLINE,
    IDLE,
    NICE_MAX,
    NICE_MIN,
    OTHER,
    POLICIES,
    REAL_TIME,
    RR,
    Scheduling,
)
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.task.task import Task

_RESET_ON_FORK: Final = 0x4000_0000
_ATTR: Final = struct.Struct("<IIQiIQQQII")  # size policy flags nice priority runtime deadline period util_min util_max
_ATTR_MIN: Final = 48  # bytes, SCHED_ATTR_SIZE_VER0
_FLAG_RESET, _FLAG_KEEP_POLICY, _FLAG_KEEP_PARAMS, _FLAG_UTIL, _FLAGS = 0x01, 0x08, 0x10, 0x60, 0x7F
_SLICE: Final = 1_400_000  # ns, of SCHED_OTHER on two cores
_RR_INTERVAL: Final = 100_000_000  # ns
_RUNTIME_MIN: Final = 1 << 10  # ns, of SCHED_DEADLINE
_PERIOD_MAX: Final = 1 << 63


def sched_getscheduler(call: Call, pid: int) -> int:
    now = _thread(call, pid).scheduling
    return now.policy | (_RESET_ON_FORK if now.resets_on_fork else 0)


def sched_getparam(call: Call, pid: int, address: int) -> int:
    if not address:
        raise LinuxError(Errno.EINVAL)
    call.memory.write_u32(address, _thread(call, pid).scheduling.priority)
    return 0


def sched_setparam(call: Call, pid: int, address: int) -> int:
    priority = _parameter(call, address)
    task = _thread(call, pid)
    return _set(call, task, replace(task.scheduling, priority=priority))


def sched_setscheduler(call: Call, pid: int, policy: int, address: int) -> int:
    if as_int(policy) < 0:
        raise LinuxError(Errno.EINVAL)
    priority = _parameter(call, address)
    task, reset = _thread(call, pid), bool(policy & _RESET_ON_FORK)
    wanted = replace(task.scheduling, policy=as_int(policy) & ~_RESET_ON_FORK, priority=priority, resets_on_fork=reset)
    return _set(call, task, wanted)


def _parameter(call: Call, address: int) -> int:
    """struct sched_param. Raises LinuxError EINVAL, EFAULT."""
    if not address:
        raise LinuxError(Errno.EINVAL)
    return as_int(call.memory.read_u32(address))


def sched_setattr(call: Call, pid: int, address: int, flags: int) -> int:
    """Errors: EINVAL, E2BIG (the size is corrected), ESRCH, EPERM, EOPNOTSUPP (utilization clamps)."""
    if not address or as_int(pid) < 0 or flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    size = call.memory.read_u32(address) or _ATTR_MIN
    octets = call.memory.read(address, size) if _ATTR_MIN <= size <= PAGE_SIZE else b""
    if not octets or any(octets[_ATTR.size :]):
        call.memory.write_u32(address, _ATTR.size)
        raise LinuxError(Errno.E2BIG)
    values = _ATTR.unpack(octets[: _ATTR.size].ljust(_ATTR.size, b"\0"))
    policy, what, nice, priority, deadline = values[1], values[2], values[3], values[4], values[5:8]
    if what & _FLAG_UTIL and size < _ATTR.size:
        raise LinuxError(Errno.EINVAL)
    if as_int(policy) < 0:
        raise LinuxError(Errno.EINVAL)
    task = _thread(call, pid)
    now = task.scheduling
    if what & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    if what & _FLAG_UTIL:
        raise LinuxError(Errno.EOPNOTSUPP)
    if what & _FLAG_KEEP_POLICY:
        policy = now.policy
    if what & _FLAG_KEEP_PARAMS:
        nice, priority, deadline = now.nice, now.priority, now.deadline
    nice = max(NICE_MIN, min(NICE_MAX, nice)) if policy in (OTHER, BATCH) else now.nice
    deadline = deadline if policy == DEADLINE else (0, 0, 0)
    reset = bool(what & _FLAG_RESET)
    return _set(call, task, Scheduling(policy, as_int(priority), nice, reset, deadline, now.io_priority))


def _set(call: Call, task: Task, wanted: Scheduling) -> int:
    """Raises LinuxError EINVAL, EPERM."""
    if wanted.policy not in POLICIES or wanted.priority > 99:
        raise LinuxError(Errno.EINVAL)
    if (wanted.policy in REAL_TIME) != (wanted.priority != 0) or wanted.priority < 0:
        raise LinuxError(Errno.EINVAL)
    if wanted.policy == DEADLINE and not _is_possible(*wanted.deadline):
        raise LinuxError(Errno.EINVAL)
    if not call.task.credentials.has(CAP_SYS_NICE):
        _check_unprivileged(call, task, wanted)
    if wanted.policy == DEADLINE and not wanted.deadline[2]:
        wanted = replace(wanted, deadline=(*wanted.deadline[:2], wanted.deadline[1]))
    task.scheduling = wanted
    task.settings.set_timer_slack(task.settings.timer_slack, real_time=wanted.is_real_time)
    return 0


def _is_possible(runtime: int, deadline: int, period: int) -> bool:
    """Linux: __checkparam_dl."""
    period = period or deadline
    return bool(deadline) and _RUNTIME_MIN <= runtime <= deadline <= period < _PERIOD_MAX


def _check_unprivileged(call: Call, task: Task, wanted: Scheduling) -> None:
    """user_check_sched_setscheduler. Raises LinuxError EPERM."""
    now, limits = task.scheduling, task.process.limits
    most = limits[RTPRIO][0]
    refused = wanted.policy in (OTHER, BATCH) and wanted.nice < now.nice and not may_be_nice(task, wanted.nice)
    if wanted.policy in REAL_TIME:
        refused = refused or (wanted.policy != now.policy and not most)
        refused = refused or (wanted.priority > now.priority and wanted.priority > most)
    refused = refused or wanted.policy == DEADLINE
    refused = refused or (now.policy == IDLE != wanted.policy and not may_be_nice(task, now.nice))
    refused = refused or (now.resets_on_fork and not wanted.resets_on_fork)
    if refused or not is_same_user(call, task):
        raise LinuxError(Errno.EPERM)


def may_be_nice(task: Task, nice: int) -> bool:
    """can_nice, without the capability: RLIMIT_NICE allows 20 minus the limit."""
    return NICE_MAX + 1 - nice <= task.process.limits[NICE][0]


def is_same_user(call: Call, task: Task) -> bool:
    own, other = call.task.credentials.user, task.credentials.user
    return own.effective in (other.effective, other.real)


def sched_getattr(call: Call, pid: int, address: int, size: int, flags: int) -> int:
    size &= 0xFFFF_FFFF
    if not address or as_int(pid) < 0 or not _ATTR_MIN <= size <= PAGE_SIZE or flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    now = _thread(call, pid).scheduling
    is_fair = now.policy not in (*REAL_TIME, DEADLINE)
    runtime, deadline, period = (_SLICE, 0, 0) if is_fair else now.deadline
    size = min(size, _ATTR.size)
    flag = _FLAG_RESET if now.resets_on_fork else 0
    nice = now.nice if is_fair else 0
    octets = _ATTR.pack(size, now.policy, flag, nice, now.priority, runtime, deadline, period, 0, 0)
    call.memory.write(address, octets[:size])
    return 0


def sched_rr_get_interval(call: Call, pid: int, address: int) -> int:
    """0 for policies without slices, and below a tick of 4 ms."""
    now = _thread(call, pid).scheduling
    call.memory.write_struct(address, Timespec(0, _RR_INTERVAL if now.policy == RR else 0))
    return 0


def sched_get_priority_max(call: Call, policy: int) -> int:
    return 99 if _policy(policy) in REAL_TIME else 0


def sched_get_priority_min(call: Call, policy: int) -> int:
    return 1 if _policy(policy) in REAL_TIME else 0


def _policy(policy: int) -> int:
    if as_int(policy) not in (*POLICIES, 7):  # SCHED_EXT has a range, too
        raise LinuxError(Errno.EINVAL)
    return as_int(policy)


def _thread(call: Call, pid: int) -> Task:
    """The thread `pid`; 0: the caller. Raises LinuxError EINVAL, ESRCH."""
    number = as_int(pid)
    if number < 0:
        raise LinuxError(Errno.EINVAL)
    task = call.kernel.find_task(number) if number else call.task
    if task is None:
        raise LinuxError(Errno.ESRCH)
    return task
