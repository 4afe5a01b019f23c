"""getrlimit, setrlimit, prlimit64 (kernel/sys.c)."""

from __future__ import annotations

from kernel_model.abi.limits import COUNT, CPU, NOFILE, NR_OPEN
from kernel_model.abi.structs import Rlimit
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import credentials_of, need
from kernel_model.process import cpu_limit
from kernel_model.task.credentials import CAP_SYS_RESOURCE
from kernel_model.task.task import Process


def getrlimit(call: Call, resource: int, address: int) -> int:
    call.memory.write_struct(address, Rlimit(*_limit(call.process, resource)))
    return 0


def setrlimit(call: Call, resource: int, address: int) -> int:
    """Set both limits. Errors: EINVAL, EFAULT, EPERM (a higher hard limit, or NOFILE above fs.nr_open)."""
    wanted = call.memory.read_struct(Rlimit, address)
    _set(call, call.process, resource, wanted)
    return 0


def prlimit64(call: Call, pid: int, resource: int, new: int, old: int) -> int:
    """Get and set a limit of a process. Errors: ESRCH, EPERM (another user's), EINVAL, EFAULT."""
    wanted = call.memory.read_struct(Rlimit, new) if new else None
    task = call.kernel.find_task(as_int(pid)) if as_int(pid) else call.task
    if task is None:
        raise LinuxError(Errno.ESRCH)
    process = task.process
    if process is not call.process:
        _check_user(call, process)
    before = Rlimit(*_limit(process, resource))
    if old:
        call.memory.parts(old, 16, 0)  # may sleep: it must come before the change
    if wanted is not None:
        _set(call, process, resource, wanted)
    if old:
        call.memory.write_struct(old, before)
    return 0


def _check_user(call: Call, process: Process) -> None:
    """check_prlimit_permission. Raises LinuxError EPERM."""
    own, other = call.task.credentials, credentials_of(process)
    users = {other.user.real, other.user.effective, other.user.saved}
    groups = {other.group.real, other.group.effective, other.group.saved}
    if (users != {own.user.real} or groups != {own.group.real}) and not own.has(CAP_SYS_RESOURCE):
        raise LinuxError(Errno.EPERM)


def _limit(process: Process, resource: int) -> tuple[int, int]:
    number = resource & 0xFFFF_FFFF
    if number >= COUNT:
        raise LinuxError(Errno.EINVAL)
    return process.limits[number]


def _set(call: Call, process: Process, resource: int, wanted: Rlimit) -> None:
    number, (_, hard) = resource & 0xFFFF_FFFF, _limit(process, resource)
    if wanted.rlim_cur > wanted.rlim_max:
        raise LinuxError(Errno.EINVAL)
    if number == NOFILE and wanted.rlim_max > NR_OPEN:
        raise LinuxError(Errno.EPERM)
    if wanted.rlim_max > hard:
        need(call.task, CAP_SYS_RESOURCE)
    process.limits[number] = (wanted.rlim_cur, wanted.rlim_max)
    if number == CPU:
        cpu_limit.watch(call.kernel, call.cpu, process)
