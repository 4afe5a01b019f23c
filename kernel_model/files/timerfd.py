"""timerfd (fs/timerfd.c): a timer that is read for the number of its expirations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_NONBLOCK, O_RDWR
from kernel_model.abi.uapi import POLLIN, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.time.timers import Timer
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch.registers import MASK64

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.time.timers import TimedWaker
    from pffemu.hw.cpu import Cpu

_WORD: Final = 8  # bytes
_MAX: Final = MASK64


class TimerFd(File, Timer):
    """An open timerfd. `interval` in cycles; 0: once. It fires once; later periods are counted when it is read."""

    def __init__(self, scheduler: TimedWaker, clock: int, flags: int) -> None:
        """`clock`: a CLOCK_*; `flags`: O_NONBLOCK."""
        self.name, self.flags = "timerfd", O_RDWR | flags & O_NONBLOCK
        self.clock, self.interval = clock, 0
        self._scheduler = scheduler
        self.set_flags = 0  # of the last timerfd_settime
        self._expirations = 0
        self._armed = False
        self._changed = WaitQueue("timerfd")

    def set(self, cpu: Cpu, deadline: int | None, interval: int, flags: int) -> None:
        """Arm the timer; `deadline` None: disarm it. `flags`: TFD_TIMER_*, which have had their effect."""
        self.set_flags = flags
        self._expirations, self.interval, self._armed = 0, interval, deadline is not None
        self._scheduler.timers.disarm(self)
        if deadline is not None:
            self._scheduler.timers.arm(cpu, self, deadline)

    def left(self, cpu: Cpu) -> int:
        """Cycles until the next expiration; 0: it is not armed."""
        self._catch_up(cpu)
        return max(1, self.deadline - cpu.clock) if self._armed else 0

    def fire(self, cpu: Cpu) -> None:
        self._armed = False
        self._expirations += 1
        self._scheduler.wake_all(cpu, self._changed, POLLIN)

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        if buffer.size < _WORD:
            raise LinuxError(Errno.EINVAL)
        if not self._expirations:
            if self.nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self._changed, why="a timerfd")
        fits = buffer.room(_WORD) == _WORD
        self._catch_up(call.cpu)
        count, self._expirations = self._expirations, 0
        if not fits:
            faulted(0)  # as on Linux, the expirations are lost
        buffer.scatter(min(count, _MAX).to_bytes(_WORD, "little"))
        return _WORD

    def _catch_up(self, cpu: Cpu) -> None:
        """Count the periods that passed since a periodic timer fired, and arm it for the next one."""
        if self.interval and self._expirations and not self._armed:
            passed = max(0, cpu.clock - self.deadline) // self.interval
            self._expirations += passed
            self._armed = True
            self._scheduler.timers.arm(cpu, self, self.deadline + (passed + 1) * self.interval)

    def fdinfo(self, cpu: Cpu) -> str:
        """Times as (seconds, nanoseconds)."""
        left, interval = (divmod(cpu.profile.to_ns(time), 10**9) for time in (self.left(cpu), self.interval))
        return (
            f"clockid: {self.clock}\nticks: {self._expirations}\nsettime flags: 0{self.set_flags:o}\n"
            f"it_value: ({left[0]}, {left[1]})\nit_interval: ({interval[0]}, {interval[1]})\n"
        )

    def poll(self) -> int:
        return POLLIN if self._expirations else 0

    def poll_queue(self) -> WaitQueue:
        return self._changed

    def close(self, cpu: Cpu) -> None:
        self._scheduler.timers.disarm(self)
