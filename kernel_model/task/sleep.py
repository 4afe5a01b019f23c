"""A thread's sleep: what the thread waits for, what it goes on with, and how the wait ended.

There are no kernel stacks: a `Sleep` is all that the kernel keeps of a fault or call until the thread goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from kernel_model.abi.uapi import Errno
from kernel_model.wait.queue import Blocked, FaultQueue, Interruptible, SpinWait, WaitQueue
from pffemu.hw.trap import Trap


class SleepIn(Enum):
    """What a thread goes on with when its sleep is over."""

    FAULT = auto()  # the access of ring 3 is repeated
    DISK = auto()  # the page fault of ring 3 is handled again
    CALL = auto()  # the system call starts again, or is answered
    EVENT = auto()  # ring 3 runs on, or signals are delivered: after a stop, or a wait for the page of a signal's frame


@dataclass(slots=True, eq=False)
class PendingCall:
    """A system call from SYSCALL to SYSRET, over all its sleeps (Linux: struct restart_block).

    `deadline`: virtual cycles at which its timeout ends, however often it starts again. `result`: RAX, where the
    wake-up is the answer. `progress`: bytes it has read or written. `cursor`: how far a long call came before it let
    other threads run. `events_sent`: userfaultfd events it has sent and waited for. `inner`: the request of a list
    (io_submit) that it is at.
    """

    number: int
    deadline: int | None = None
    result: int | None = None
    progress: int = 0
    cursor: int = 0
    events_sent: int = 0
    timed_out: bool = False
    inner: PendingCall | None = None


@dataclass(slots=True, eq=False)
class Sleep:
    """One sleep of a thread. `call`: for SleepIn.CALL only. `why`: what the thread waits for, in words.

    `interrupted`: a signal ended it. `deadline`: virtual cycles; with `for_timer` that of the kernel-bypass timer.
    `trap`: the page fault, for SleepIn.DISK. `uffd`: where the thread's fault or event is queued. `behind`: the
    interrupted call's sleep, while its thread is stopped.
    """

    of: SleepIn
    call: PendingCall | None = None
    why: str = ""
    queues: tuple[WaitQueue, ...] = ()
    deadline: int | None = None
    interruptible: Interruptible = Interruptible.NO
    for_timer: bool = False
    uffd: FaultQueue | None = None
    trap: Trap | None = None
    interrupted: bool = False
    spin: SpinWait | None = None  # the thread does not sleep: its core looks again and again
    behind: Sleep | None = field(default=None, repr=False)

    @classmethod
    def after(cls, blocked: Blocked, of: SleepIn, call: PendingCall | None = None) -> Sleep:
        """The sleep that `blocked` asks for."""
        return cls(
            of, call, blocked.why, blocked.queues, blocked.deadline, blocked.sleep, uffd=blocked.uffd, spin=blocked.spin
        )

    def answer(self, result: int) -> None:
        """`result` is what the sleeping call returns. A fault returns nothing."""
        if self.call is not None:
            self.call.result = result

    def time_out(self) -> None:
        """`deadline` has passed: the call times out, or the kernel-bypass timer ends it as a user interrupt does."""
        if self.for_timer:
            self.end_with_user_interrupt()
        elif self.call is not None:
            self.call.timed_out = True

    def end_with_user_interrupt(self) -> None:
        """The call returns what it has done so far, or EINTR."""
        if self.call is not None:
            self.call.result = self.call.progress or -Errno.EINTR
