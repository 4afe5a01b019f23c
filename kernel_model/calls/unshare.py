"""unshare (kernel/fork.c: ksys_unshare): a thread stops sharing what clone let it share."""

from __future__ import annotations

from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.call.clocks import realtime_seconds
from kernel_model.call.rights import need
from kernel_model.calls.fd import leave_shared
from kernel_model.ipc import sem
from kernel_model.task.credentials import CAP_SYS_ADMIN

_ALONE: Final = uapi.CLONE_THREAD | uapi.CLONE_SIGHAND | uapi.CLONE_VM
_KNOWN: Final = _ALONE | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SYSVSEM | uapi.NAMESPACES


def unshare(call: Call, flags: int) -> int:
    """Errors: EINVAL (unknown flags, threads or memory that are shared, any namespace), EPERM, EMFILE.

    Threads of a process go on sharing their directory and descriptors.
    """
    if flags & ~_KNOWN:
        raise LinuxError(Errno.EINVAL)
    if flags & (_ALONE | uapi.CLONE_NEWUSER) and len(call.process.tasks) > 1:
        raise LinuxError(Errno.EINVAL)
    others = (process for process in call.kernel.processes.values() if process is not call.process and process.tasks)
    if flags & uapi.CLONE_VM and any(other.mm is call.mm for other in others):
        raise LinuxError(Errno.EINVAL)
    check_namespaces(call, flags, "unshare")
    if flags & uapi.CLONE_FILES and len(call.process.tasks) == 1:
        leave_shared(call)
    if flags & uapi.CLONE_SYSVSEM:
        kernel = call.kernel
        sem.leave(kernel.ipc.semaphores, kernel.scheduler, call.cpu, call.task, realtime_seconds(call.cpu))
    return 0


def check_namespaces(call: Call, flags: int, what: str) -> None:
    """The flags must ask for no new namespace. Raises LinuxError EPERM, and EINVAL as without CONFIG_*_NS."""
    if flags & uapi.NAMESPACES & ~uapi.CLONE_NEWUSER and not flags & uapi.CLONE_NEWUSER:
        need(call.task, CAP_SYS_ADMIN)
    if flags & uapi.NAMESPACES:
        raise call.unsupported(f"{what} with flags {flags & uapi.NAMESPACES:#x}", Errno.EINVAL)
