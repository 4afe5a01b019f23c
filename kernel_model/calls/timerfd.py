"""timerfd_create, timerfd_settime, timerfd_gettime."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import O_CLOEXEC, O_NONBLOCK, Errno, LinuxError
from kernel_model.call import clocks
from kernel_model.call.call import Call, as_int
from kernel_model.call.timespec import NS
from kernel_model.files.timerfd import TimerFd

_ITIMERSPEC: Final = struct.Struct("<qqqq")  # interval, value: seconds, nanoseconds
_CLOCKS: Final = (uapi.CLOCK_REALTIME, uapi.CLOCK_MONOTONIC, uapi.CLOCK_BOOTTIME, 8, 9)  # and the _ALARM clocks
_BASE_OF_ALARM: Final = {8: uapi.CLOCK_REALTIME, 9: uapi.CLOCK_BOOTTIME}
_ABSTIME, _CANCEL_ON_SET = 1, 2
_MAX_SECONDS: Final = (1 << 63) // NS


def timerfd_create(call: Call, clock: int, flags: int) -> int:
    number, flags = as_int(clock), flags & 0xFFFF_FFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK) or number not in _CLOCKS:
        raise LinuxError(Errno.EINVAL)
    file = TimerFd(call.kernel.scheduler, _BASE_OF_ALARM.get(number, number), flags)
    return call.process.files.install(call.new_fd(), file, bool(flags & O_CLOEXEC))


def timerfd_settime(call: Call, fd: int, flags: int, new: int, old: int) -> int:
    values = _ITIMERSPEC.unpack(call.memory.read(new, _ITIMERSPEC.size))
    wrong = any(seconds < 0 for seconds in values[::2]) or any(not 0 <= part < NS for part in values[1::2])
    if as_int(flags) & ~(_ABSTIME | _CANCEL_ON_SET) or wrong:
        raise LinuxError(Errno.EINVAL)
    timer = _timer(call, fd)
    if old:
        call.memory.write(old, _report(call, timer))
    interval, value = (min(values[i], _MAX_SECONDS) * NS + values[i + 1] for i in (0, 2))
    deadline = None
    if value and as_int(flags) & _ABSTIME:
        deadline = clocks.deadline_at(call.cpu, timer.clock, value)
    elif value:
        deadline = call.cpu.clock + call.cpu.profile.to_cycles(value)
    timer.set(call.cpu, deadline, call.cpu.profile.to_cycles(interval), as_int(flags))
    return 0


def timerfd_gettime(call: Call, fd: int, address: int) -> int:
    call.memory.write(address, _report(call, _timer(call, fd)))
    return 0


def _timer(call: Call, fd: int) -> TimerFd:
    """The timerfd `fd`. Raises LinuxError EBADF, EINVAL."""
    file = call.file(fd)
    if not isinstance(file, TimerFd):
        raise LinuxError(Errno.EINVAL)
    return file


def _report(call: Call, timer: TimerFd) -> bytes:
    left = timer.left(call.cpu)
    spans = (call.cpu.profile.to_ns(cycles) for cycles in (timer.interval, left))
    return _ITIMERSPEC.pack(*(part for ns in spans for part in divmod(ns, NS)))
