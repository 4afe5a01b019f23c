"""sched_setaffinity, sched_getaffinity, getcpu (kernel/sched/syscalls.c, kernel/sys.c)."""

from __future__ import annotations

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.policy import is_same_user
from kernel_model.task.credentials import CAP_SYS_NICE
from kernel_model.task.task import Task

_MASK_SIZE = 8  # bytes; cpumask_size() of up to 64 cores


def sched_setaffinity(call: Call, pid: int, size: int, address: int) -> int:
    """0; a running thread leaves its core at once if it must. Errors: EFAULT, ESRCH, EPERM, EINVAL (no core)."""
    mask = int.from_bytes(call.memory.read(address, min(size & 0xFFFF_FFFF, _MASK_SIZE)), "little")
    task = _find(call, pid)
    if not is_same_user(call, task) and not call.task.credentials.has(CAP_SYS_NICE):
        raise LinuxError(Errno.EPERM)
    mask &= _cores(call)
    if not mask:
        raise LinuxError(Errno.EINVAL)
    call.kernel.scheduler.set_affinity(call.cpu, task, mask)
    return 0


def sched_getaffinity(call: Call, pid: int, size: int, address: int) -> int:
    """Bytes of the mask written. Errors: EINVAL (`size` too small, not a multiple of 8), ESRCH, EFAULT."""
    size &= 0xFFFF_FFFF
    if size * 8 < call.kernel.scheduler.cores or size % _MASK_SIZE:
        raise LinuxError(Errno.EINVAL)
    mask = _find(call, pid).affinity & _cores(call)
    call.memory.write(address, mask.to_bytes(_MASK_SIZE, "little"))
    return _MASK_SIZE


def getcpu(call: Call, core: int, node: int, _unused: int) -> int:
    """Write the numbers of the core and of its NUMA node where the pointers are not null. Errors: EFAULT."""
    for address, value in ((core, call.cpu.index), (node, 0)):
        if address:
            call.memory.write_u32(address, value)
    return 0


def _cores(call: Call) -> int:
    return (1 << call.kernel.scheduler.cores) - 1


def _find(call: Call, pid: int) -> Task:
    """The thread `pid`, 0: the calling one. Raises LinuxError ESRCH."""
    tid = as_int(pid)
    if tid == 0:
        return call.task
    for process in call.kernel.processes.values():
        for task in process.tasks:
            if task.tid == tid:
                return task
    raise LinuxError(Errno.ESRCH)
