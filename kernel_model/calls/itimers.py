"""setitimer and alarm (kernel/time/itimer.c): timers of a process that send it signals."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call, as_int
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.task import TaskState
from kernel_model.time.timers import Timer

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu

_ITIMERVAL: Final = struct.Struct("<qqqq")  # interval, value: seconds, microseconds
_US: Final = 1_000_000
_TICK: Final = 4_000_000  # ns, CONFIG_HZ=250
_SIGNALS: Final = (Signal.SIGALRM, Signal.SIGVTALRM, Signal.SIGPROF)
_MAX_SECONDS: Final = (1 << 63) // 10**9


class IntervalTimer(Timer):
    """ITIMER_REAL, VIRTUAL or PROF of one process. Intervals and values in cycles."""

    def __init__(self, kernel: ProcessKernel, process: Process, which: int) -> None:
        self._kernel, self._process, self.which = kernel, process, which
        self.interval = 0
        self._expires = 0  # in processor time of the process, for VIRTUAL and PROF
        self._armed = False
        self._dormant = False  # all threads sleep, and its processor time stands still

    def set(self, cpu: Cpu, value: int, interval: int) -> None:
        """Fire in `value` cycles, then every `interval`; `value` 0: never."""
        self._kernel.scheduler.timers.disarm(self)
        self.interval, self._armed, self._dormant = interval, value > 0, False
        if value:
            self._expires = self._time() + value
            self._kernel.scheduler.timers.arm(cpu, self, cpu.clock + self._not_below_a_tick(cpu, value))

    def _not_below_a_tick(self, cpu: Cpu, cycles: int) -> int:
        """Linux checks processor time only at its tick: at least one tick, for VIRTUAL and PROF."""
        return cycles if self._is_real else max(cycles, cpu.profile.to_cycles(_TICK))

    def left(self, cpu: Cpu) -> int:
        """Cycles until the timer fires; 0: it is not armed."""
        if not self._armed:
            return 0
        return max(1, self.deadline - cpu.clock if self._is_real else self._expires - self._time())

    @property
    def _is_real(self) -> bool:
        return self.which == uapi_signal.ITIMER_REAL

    def _time(self) -> int:
        return self._kernel.scheduler.time_of_process(self._process)

    def fire(self, cpu: Cpu) -> None:
        missing = 0 if self._is_real else self._expires - self._time()
        if missing > 0:  # its threads have slept meanwhile
            running = sum(task.state is TaskState.RUNNABLE for task in self._process.tasks)
            self._dormant = not running
            if running:
                delay = self._not_below_a_tick(cpu, missing // running + 1)
                self._kernel.scheduler.timers.arm(cpu, self, cpu.clock + delay)
            return
        self._armed = False
        if not self._is_real and self.interval:
            self.set(cpu, self.interval, self.interval)
        signal = SigInfo.from_kernel(_SIGNALS[self.which])
        signal_send.send_to_process(self._kernel, cpu, signal, self._process)

    def resume(self, cpu: Cpu) -> None:
        """A thread of the process wakes: processor time passes again."""
        if self._dormant:
            self._dormant = False
            delay = self._not_below_a_tick(cpu, self._expires - self._time())
            self._kernel.scheduler.timers.arm(cpu, self, cpu.clock + delay)

    def taken(self, cpu: Cpu) -> None:
        """posixtimer_rearm_itimer: SIGALRM was taken: begin the next period; those that passed are skipped."""
        if self._is_real and self.interval and not self._armed:
            passed = max(0, cpu.clock - self.deadline) // self.interval
            self._armed = True
            self._kernel.scheduler.timers.arm(cpu, self, self.deadline + (passed + 1) * self.interval)


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
        if timer.which == number:
            return timer
    timer = IntervalTimer(call.kernel, call.process, number)
    call.process.timers.append(timer)
    return timer


def _cycles(call: Call, seconds: int, microseconds: int) -> int:
    return call.cpu.profile.to_cycles(min(seconds, _MAX_SECONDS) * 10**9 + microseconds * 1000)


def _report(call: Call, timer: IntervalTimer) -> bytes:
    to_us = (call.cpu.profile.to_ns(cycles) // 1000 for cycles in (timer.interval, timer.left(call.cpu)))
    return _ITIMERVAL.pack(*(part for us in to_us for part in divmod(us, _US)))
