"""Clocks and sleeps in virtual time (kernel/time/)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.structs import Timespec
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call import clocks
from kernel_model.call.call import Call, as_int
from kernel_model.call.timespec import NS, deadline_in, read_timespec, timespec_of
from kernel_model.wait.queue import Blocked, Interruptible

_COARSE: Final = (uapi.CLOCK_REALTIME_COARSE, uapi.CLOCK_MONOTONIC_COARSE)
_TICK: Final = 4_000_000  # ns: the resolution that coarse clocks report, as with CONFIG_HZ=250
_SLEEPABLE: Final = (uapi.CLOCK_REALTIME, uapi.CLOCK_MONOTONIC, uapi.CLOCK_BOOTTIME, uapi.CLOCK_TAI)


def clock_gettime(call: Call, clock: int, address: int) -> int:
    call.memory.write_struct(address, timespec_of(clocks.now(call, as_int(clock))))
    return 0


def clock_getres(call: Call, clock: int, address: int) -> int:
    clocks.now(call, as_int(clock))
    if address:
        call.memory.write_struct(address, Timespec(0, _TICK if as_int(clock) in _COARSE else 1))
    return 0


def gettimeofday(call: Call, address: int, zone: int) -> int:
    now = clocks.now(call, uapi.CLOCK_REALTIME)
    if address:
        call.memory.write_struct(address, Timespec(now // NS, now % NS // 1000))
    if zone:
        call.memory.write(zone, bytes(8))
    return 0


def time(call: Call, address: int) -> int:
    seconds = clocks.now(call, uapi.CLOCK_REALTIME) // NS
    if address:
        call.memory.write(address, seconds.to_bytes(8, "little"))
    return seconds


def nanosleep(call: Call, wanted: int, rest: int) -> int:
    return _sleep(call, deadline_in(call, read_timespec(call, wanted)), rest)


def clock_nanosleep(call: Call, clock: int, flags: int, wanted: int, rest: int) -> int:
    number = as_int(clock)
    if number not in _SLEEPABLE:
        clocks.now(call, number)
        raise LinuxError(Errno.EOPNOTSUPP)
    span = read_timespec(call, wanted)
    if as_int(flags) & uapi.TIMER_ABSTIME:
        return _sleep(call, clocks.deadline_at(call.cpu, number, span), 0)
    return _sleep(call, deadline_in(call, span), rest)


def _sleep(call: Call, deadline: int | None, rest: int) -> int:
    """Sleep until `deadline`. `rest`: where an interrupted relative sleep writes the time left; 0: nowhere."""
    if call.pending.timed_out or deadline is None or deadline <= call.cpu.clock:
        return 0
    if rest and call.task.signals.due:
        left = call.cpu.profile.to_ns(deadline - call.cpu.clock)
        call.memory.write_struct(rest, timespec_of(left))
    raise Blocked(deadline=deadline, why="time to pass (nanosleep)", sleep=Interruptible.ERESTARTNOHAND)
