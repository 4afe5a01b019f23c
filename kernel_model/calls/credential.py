"""User and group numbers (kernel/sys.c): the guest is root and stays root."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call

_KEEP: Final = 0xFFFF_FFFF  # -1: leave this one as it is


def get_three(call: Call, real: int, effective: int, saved: int) -> int:
    """getresuid, getresgid."""
    for address in (real, effective, saved):
        call.memory.write_u32(address, 0)
    return 0


def set_one(call: Call, number: int) -> int:
    """setuid, setgid. Errors: EINVAL (-1), EPERM (other users are not modelled)."""
    if number & 0xFFFF_FFFF == _KEEP:
        raise LinuxError(Errno.EINVAL)
    return _set(call, number)


def set_three(call: Call, real: int, effective: int, saved: int) -> int:
    """setresuid, setresgid."""
    return _set(call, real, effective, saved)


def getgroups(call: Call, count: int, address: int) -> int:
    """0: the guest has no supplementary groups. Errors: EINVAL."""
    if count >> 31 & 1:
        raise LinuxError(Errno.EINVAL)
    return 0


def _set(call: Call, *numbers: int) -> int:
    if any(number & 0xFFFF_FFFF not in (0, _KEEP) for number in numbers):
        raise call.unsupported("being another user than root", Errno.EPERM)
    return 0
