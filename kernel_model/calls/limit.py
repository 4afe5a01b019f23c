"""getrlimit, setrlimit, prlimit64 (kernel/sys.c)."""

from __future__ import annotations

from kernel_model.abi.limits import COUNT, NOFILE, NR_OPEN
from kernel_model.abi.structs import Rlimit
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int


def getrlimit(call: Call, resource: int, address: int) -> int:
    call.memory.write_struct(address, Rlimit(*_limit(call, resource)))
    return 0


def setrlimit(call: Call, resource: int, address: int) -> int:
    """Set both limits; root may raise the hard one. Errors: EINVAL, EFAULT, EPERM (NOFILE above fs.nr_open)."""
    wanted = call.memory.read_struct(Rlimit, address)
    _set(call, resource, wanted)
    return 0


def prlimit64(call: Call, pid: int, resource: int, new: int, old: int) -> int:
    """Get and set a limit of this process; any other one is ESRCH."""
    if as_int(pid) not in (0, call.process.pid):
        raise LinuxError(Errno.ESRCH)
    before = Rlimit(*_limit(call, resource))
    wanted = call.memory.read_struct(Rlimit, new) if new else None
    if old:
        call.memory.parts(old, 16, 0)  # may sleep: it must come before the change
    if wanted is not None:
        _set(call, resource, wanted)
    if old:
        call.memory.write_struct(old, before)
    return 0


def _limit(call: Call, resource: int) -> tuple[int, int]:
    number = resource & 0xFFFF_FFFF
    if number >= COUNT:
        raise LinuxError(Errno.EINVAL)
    return call.process.limits[number]


def _set(call: Call, resource: int, wanted: Rlimit) -> None:
    _limit(call, resource)
    if wanted.rlim_cur > wanted.rlim_max:
        raise LinuxError(Errno.EINVAL)
    if resource & 0xFFFF_FFFF == NOFILE and wanted.rlim_max > NR_OPEN:
        raise LinuxError(Errno.EPERM)
    call.process.limits[resource & 0xFFFF_FFFF] = (wanted.rlim_cur, wanted.rlim_max)
