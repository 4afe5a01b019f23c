"""Clocks (kernel/time/): all of them count virtual time. CLOCK_REALTIME starts at a fixed date, the others at reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call import cpu_clocks
from kernel_model.time.realtime import EPOCH

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from pffemu.hw.cpu import Cpu

REALTIME_ALARM, BOOTTIME_ALARM = 8, 9
_BASES: Final[dict[int, int]] = {
    uapi.CLOCK_REALTIME: EPOCH,
    uapi.CLOCK_MONOTONIC: 0,
    uapi.CLOCK_MONOTONIC_RAW: 0,
    uapi.CLOCK_REALTIME_COARSE: EPOCH,
    uapi.CLOCK_MONOTONIC_COARSE: 0,
    uapi.CLOCK_BOOTTIME: 0,
    uapi.CLOCK_TAI: EPOCH,
    REALTIME_ALARM: EPOCH,
    BOOTTIME_ALARM: 0,
}


def now(call: Call, clock: int) -> int:
    """Nanoseconds of `clock`, or of the process's or thread's processor time. Raises LinuxError EINVAL."""
    cpu = call.cpu
    if clock == uapi.CLOCK_PROCESS_CPUTIME_ID:
        return cpu.profile.to_ns(call.kernel.scheduler.times.of_process(call.process))
    if clock == uapi.CLOCK_THREAD_CPUTIME_ID:
        return cpu.profile.to_ns(call.kernel.scheduler.times.of_thread(call.task))
    if clock < 0:
        return cpu.profile.to_ns(cpu_clocks.cycles(call, clock))
    return base_of(clock) + cpu.profile.to_ns(cpu.clock)


def realtime_seconds(cpu: Cpu) -> int:
    """CLOCK_REALTIME at `cpu`, in whole seconds."""
    return (EPOCH + cpu.profile.to_ns(cpu.clock)) // 10**9


def base_of(clock: int) -> int:
    """Nanoseconds of `clock` at reset. Raises LinuxError EINVAL."""
    base = _BASES.get(clock)
    if base is None:
        raise LinuxError(Errno.EINVAL)
    return base


def deadline_at(cpu: Cpu, clock: int, nanoseconds: int) -> int:
    """The cycle at which `clock` shows `nanoseconds`; past moments are cycle 0. Raises LinuxError EINVAL."""
    return cpu.profile.to_cycles(max(0, nanoseconds - base_of(clock)))
