"""timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete (kernel/time/posix-timers.c)."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uapi
from kernel_model.abi.limits import SIGPENDING
from kernel_model.abi.signal import NSIG
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call import clocks, cpu_clocks
from kernel_model.call.call import Call, as_int
from kernel_model.call.timespec import KTIME_MAX, NS
from kernel_model.process.cpu_timer import Time
from kernel_model.process.posix_timer import Notification, PosixTimer
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.task.task import Task

_SIGEVENT: Final = struct.Struct("<Qiii44x")  # value, signal, kind, thread
_ITIMERSPEC: Final = struct.Struct("<qqqq")  # interval, value: seconds, nanoseconds
_SIGNAL, _NONE, _THREAD, _THREAD_ID = 0, 1, 2, 4  # SIGEV_*
_CLOCKS: Final = (uapi.CLOCK_REALTIME, uapi.CLOCK_MONOTONIC, uapi.CLOCK_BOOTTIME, uapi.CLOCK_TAI)


def timer_create(call: Call, clock: int, event: int, address: int) -> int:
    """Make a disarmed timer. Errors: EINVAL, EOPNOTSUPP (a clock without timers), EAGAIN (RLIMIT_SIGPENDING)."""
    time, task = _counted(call, as_int(clock))
    timers = call.process.posix_timers
    if len(timers) >= call.process.limits[SIGPENDING][0]:
        raise LinuxError(Errno.EAGAIN)
    number = timers.free_number()
    notification = _notification(call, call.memory.read(event, _SIGEVENT.size)) if event else None
    notification = notification or Notification(int(Signal.SIGALRM), number)
    call.memory.write_u32(address, number)
    timers.add(PosixTimer(call.kernel, call.process, number, as_int(clock), time, task, notification))
    return 0


def _counted(call: Call, clock: int) -> tuple[Time, Task | None]:
    """What a timer on `clock` counts. Raises LinuxError EINVAL, EOPNOTSUPP."""
    if clock in _CLOCKS:
        return Time.MACHINE, None
    if clock == uapi.CLOCK_THREAD_CPUTIME_ID:
        return Time.PROCESSOR, call.task
    if clock == uapi.CLOCK_PROCESS_CPUTIME_ID:
        return Time.PROCESSOR, None
    if clock < 0:
        found = cpu_clocks.find(call, clock)
        if found.process is not call.process:
            raise call.unsupported("a timer on another process's clock", Errno.EINVAL)
        return Time.USER if found.kind.is_user else Time.PROCESSOR, found.task
    if clock in (clocks.REALTIME_ALARM, clocks.BOOTTIME_ALARM):
        raise LinuxError(Errno.EOPNOTSUPP)  # as on a machine without a real-time clock
    clocks.base_of(clock)
    raise LinuxError(Errno.EOPNOTSUPP)


def _notification(call: Call, octets: bytes) -> Notification:
    """Linux: good_sigevent. Raises LinuxError EINVAL."""
    value, signo, kind, tid = _SIGEVENT.unpack(octets)
    if kind == _NONE:
        return Notification(0, value)
    task = None
    if kind == _SIGNAL | _THREAD_ID:
        task = next((other for other in call.process.tasks if other.tid == tid), None)
    if kind not in (_SIGNAL, _THREAD, _SIGNAL | _THREAD_ID) or (task is None and kind & _THREAD_ID):
        raise LinuxError(Errno.EINVAL)
    if not 0 < signo <= NSIG:
        raise LinuxError(Errno.EINVAL)
    return Notification(signo, value, task)


def timer_settime(call: Call, number: int, flags: int, new: int, old: int) -> int:
    if not new:
        raise LinuxError(Errno.EINVAL)
    values = _ITIMERSPEC.unpack(call.memory.read(new, _ITIMERSPEC.size))
    if any(seconds < 0 for seconds in values[::2]) or any(not 0 <= part < NS for part in values[1::2]):
        raise LinuxError(Errno.EINVAL)
    timer = _timer(call, number)
    before = _report(call, timer)
    interval, value = (min(values[i] * NS + values[i + 1], KTIME_MAX) for i in (0, 2))
    to_cycles = call.cpu.profile.to_cycles
    expires = None
    if value and as_int(flags) & uapi.TIMER_ABSTIME:
        is_machine = timer.clock in _CLOCKS
        expires = to_cycles(value - (clocks.base_of(timer.clock) if is_machine else 0))
    elif value:
        expires = timer.now(call.cpu) + to_cycles(value)
    if old:
        with suppress(LinuxError):  # Linux writes it last
            call.memory.parts(old, _ITIMERSPEC.size, WRITE)  # may sleep: it must come before the change
    kept = interval if value or timer.clock not in _CLOCKS else 0
    timer.set(call.cpu, expires, kept)
    if old:
        call.memory.write(old, before)
    return 0


def timer_gettime(call: Call, number: int, address: int) -> int:
    call.memory.write(address, _report(call, _timer(call, number)))
    return 0


def timer_getoverrun(call: Call, number: int) -> int:
    """The expirations that the last signal stood for, beside its own."""
    return _timer(call, number).overrun


def timer_delete(call: Call, number: int) -> int:
    call.process.posix_timers.remove(_timer(call, number))
    return 0


def _timer(call: Call, number: int) -> PosixTimer:
    """Raises LinuxError EINVAL."""
    timer = call.process.posix_timers.get(as_int(number))
    if not isinstance(timer, PosixTimer):
        raise LinuxError(Errno.EINVAL)
    return timer


def _report(call: Call, timer: PosixTimer) -> bytes:
    spans = (timer.interval, call.cpu.profile.to_ns(timer.left(call.cpu)))
    return _ITIMERSPEC.pack(*(part for ns in spans for part in divmod(ns, NS)))
