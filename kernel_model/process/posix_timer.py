"""The timers of timer_create (kernel/time/posix-timers.c): their state, and the signals that they send."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from kernel_model.abi.signal import SI_TIMER
from kernel_model.process.cpu_timer import CountingTimer, Time
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.signals import PendingSignals
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu

_INT_MAX: Final = (1 << 31) - 1


class State(Enum):
    DISARMED = auto()
    ARMED = auto()
    SENT = auto()  # its signal is pending, or ignored: a periodic timer goes on when the signal is taken


@dataclass(frozen=True, slots=True)
class Notification:
    """struct sigevent. `signo` 0: SIGEV_NONE. `task`: of SIGEV_THREAD_ID."""

    signo: int
    value: int = 0
    task: Task | None = None


class PosixTimer(CountingTimer):
    """A timer on `clock` (CLOCK_*). `interval` in nanoseconds; 0: it expires once."""

    def __init__(
        self, kernel: ProcessKernel, process: Process, number: int, clock: int, time: Time, task: Task | None,
        notification: Notification,
    ) -> None:  # fmt: skip
        super().__init__(kernel, process, time, task)
        self.number, self.signo, self.clock, self.notification = number, notification.signo, clock, notification
        self.state = State.DISARMED
        self.interval = 0
        self.overrun = 0  # of the last signal taken
        self._passed = -1  # periods since the signal was sent, and one less: the signal stands for one

    def set(self, cpu: Cpu, expires: int | None, interval: int) -> None:
        """Arm the timer; `expires` None: disarm it. A signal that is still pending is dropped."""
        self.stop()
        self.interval = interval
        self.overrun, self._passed = 0, -1
        if expires is not None:
            self.expires = expires
            if self.signo:
                self.state = State.ARMED
                self.start(cpu, expires)
            else:
                self.state = State.SENT  # SIGEV_NONE: its state is computed when it is asked for

    def stop(self) -> None:
        """Disarm the timer; a signal that is pending is dropped when its turn comes."""
        self.cancel()
        self.state = State.DISARMED

    def left(self, cpu: Cpu) -> int:
        """Cycles until the timer expires; 0: it is disarmed."""
        if self.state is State.DISARMED:
            return 0
        if self.state is State.SENT and self.interval:
            self._passed += self._skip(cpu)
        left = self.expires - self.now(cpu)
        if self.state is State.SENT and not self.interval:
            return max(0, left) if not self.signo else 0
        return max(1, left)

    def _skip(self, cpu: Cpu) -> int:
        """hrtimer_forward: let the next expiry lie in the future; returns the periods passed."""
        late = self.now(cpu) - self.expires
        if late < 0:
            return 0
        periods = cpu.profile.to_ns(late) // self.interval + 1
        self.expires += cpu.profile.to_cycles(periods * self.interval)
        return periods

    def expire(self, cpu: Cpu) -> None:
        self.state = State.SENT
        self._send(cpu)

    @property
    def is_due(self) -> bool:
        return self.state is State.SENT

    def _send(self, cpu: Cpu) -> None:
        if any(info.timer is self for pending in self._queues() for info in pending.queue):
            return  # one of an earlier setting is still pending, and counts for this one
        fields = struct.pack("<iiQ", self.number, 0, self.notification.value)
        info = SigInfo(self.signo, SI_TIMER, fields, timer=self)
        target = self.notification.task
        if target is None:
            signal_send.send_to_process(self._kernel, cpu, info, self._process)
        elif target in self._process.tasks:
            signal_send.send_to_task(self._kernel, cpu, info, target)

    def heard_again(self, cpu: Cpu) -> None:
        """The process no longer ignores the signal: send the one that was dropped."""
        if self.state is State.SENT and self.signo and self.interval:
            self._send(cpu)

    def overruns(self, cpu: Cpu) -> int:
        """The signal is about to be taken: si_overrun."""
        if not self.interval:
            return 0
        self._passed += self._skip(cpu)
        self.overrun = min(self._passed, _INT_MAX)
        return self.overrun

    def taken(self, cpu: Cpu) -> None:
        """The signal was taken: a periodic timer begins its next period."""
        if self.state is not State.SENT:
            return
        self._passed, self.state = -1, State.DISARMED
        if self.interval:
            self.state = State.ARMED
            self.start(cpu, self.expires)

    def _queues(self) -> list[PendingSignals]:
        return [self._process.signals.pending, *(task.signals.pending for task in self._process.tasks)]
