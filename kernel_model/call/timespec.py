"""struct timespec and virtual time."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.structs import Timespec
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call

NS: Final = 1_000_000_000
KTIME_MAX: Final = (1 << 63) - 1  # nanoseconds; longer spans are this long


def read_timespec(call: Call, address: int) -> int:
    """The struct timespec at `address`, in nanoseconds. Raises LinuxError EFAULT, EINVAL."""
    span = call.memory.read_struct(Timespec, address)
    if span.tv_sec < 0 or not 0 <= span.tv_nsec < NS:
        raise LinuxError(Errno.EINVAL)
    return min(int(span.tv_sec) * NS + int(span.tv_nsec), KTIME_MAX)


def deadline_in(call: Call, nanoseconds: int | None) -> int | None:
    """The clock at which a sleep of `nanoseconds` from the call's first start ends; None: never."""
    if nanoseconds is None:
        return None
    if call.pending.deadline is None:
        call.pending.deadline = call.cpu.clock + call.cpu.profile.to_cycles(nanoseconds)
    return call.pending.deadline


def timespec_of(nanoseconds: int) -> Timespec:
    return Timespec(nanoseconds // NS, nanoseconds % NS)
