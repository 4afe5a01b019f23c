"""setitimer and alarm (kernel/time/itimer.c): timers of a process that send it signals."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call, as_int
from kernel_model.process.cpu_timer import CountingTimer, Time
from kernel_model.signal import send as signal_send
from kernel_model.task.posix_timers import ProcessClockTimer
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu

_ITIMERVAL: Final = struct.Struct("<qqqq")  # interval, value: seconds, microseconds
_US: Final = 1_000_000
_SIGNALS: Final = (Signal.SIGALRM, Signal.SIGVTALRM, Signal.SIGPROF)
_TIMES: Final = (Time.MACHINE, Time.USER, Time.PROCESSOR)
_MAX_SECONDS: Final = (1 << 63) // 10**9


class IntervalTimer(CountingTimer, ProcessClockTimer):
    """ITIMER_REAL, VIRTUAL or PROF of one process. Intervals and values in cycles."""

    def __init__(self, kernel: ProcessKernel, process: Process, which: int) -> None:
        super().__init__(kernel, process, _TIMES[which])
        self.which, self.interval = which, 0
        self._armed = False

    def set(self, cpu: Cpu, value: int, interval: int) -> None:
        """Fire in `value` cycles, then every `interval`; `value` 0: never."""
        self.cancel()
        self.interval, self._armed = interval, value > 0
        if value:
            self.start(cpu, self.now(cpu) + value)

    def left(self, cpu: Cpu) -> int:
        """Cycles until the timer fires; 0: it is not armed."""
        return max(1, self.expires - self.now(cpu)) if self._armed else 0

    def expire(self, cpu: Cpu) -> None:
        self._armed = False
        if self.which != uapi_signal.ITIMER_REAL and self.interval:
            self.set(cpu, self.interval, self.interval)
        signal = SigInfo.from_kernel(_SIGNALS[self.which])
        signal_send.send_to_process(self._kernel, cpu, signal, self._process)

    def taken(self, cpu: Cpu) -> None:
        """posixtimer_rearm_itimer: SIGALRM was taken: begin the next period; those that passed are skipped."""
        if self.which == uapi_signal.ITIMER_REAL and self.interval and not self._armed:
            passed = max(0, cpu.clock - self.expires) // self.interval
            self._armed = True
            self.start(cpu, self.expires + (passed + 1) * self.interval)


def setitimer(call: Call, which: int, new: int, old: int) -> int:
    timer = _timer(call, which)
    values = _ITIMERVAL.unpack(call.memory.read(new, _ITIMERVAL.size)) if new else (0, 0, 0, 0)
    if any(seconds < 0 for seconds in values[::2]) or any(not 0 <= part < _US for part in values[1::2]):
        raise LinuxError(Errno.EINVAL)
    if old:
        call.memory.write(old, _report(call, timer))
    interval, value = (_cycles(call, *values[i : i + 2]) for i in (0, 2))
    timer.set(call.cpu, value, interval)
    return 0


def getitimer(call: Call, which: int, address: int) -> int:
    call.memory.write(address, _report(call, _timer(call, which)))
    return 0


def alarm(call: Call, seconds: int) -> int:
    """Set the alarm; returns the seconds left of the last one, rounded, but at least 1."""
    timer = _timer(call, uapi_signal.ITIMER_REAL)
    left = call.cpu.profile.to_ns(timer.left(call.cpu))
    timer.set(call.cpu, _cycles(call, seconds & 0x7FFF_FFFF, 0), 0)
    return max(1, (left + 5 * 10**8) // 10**9) if left else 0


def _timer(call: Call, which: int) -> IntervalTimer:
    """The process's timer `which`, made on first use. Raises LinuxError EINVAL."""
    number = as_int(which)
    if not 0 <= number < len(_SIGNALS):
        raise LinuxError(Errno.EINVAL)
    for timer in call.process.timers:
        if isinstance(timer, IntervalTimer) and timer.which == number:
            return timer
    timer = IntervalTimer(call.kernel, call.process, number)
    call.process.timers.append(timer)
    return timer


def _cycles(call: Call, seconds: int, microseconds: int) -> int:
    return call.cpu.profile.to_cycles(min(seconds, _MAX_SECONDS) * 10**9 + microseconds * 1000)


def _report(call: Call, timer: IntervalTimer) -> bytes:
    to_us = (call.cpu.profile.to_ns(cycles) // 1000 for cycles in (timer.interval, timer.left(call.cpu)))
    return _ITIMERVAL.pack(*(part for us in to_us for part in divmod(us, _US)))
