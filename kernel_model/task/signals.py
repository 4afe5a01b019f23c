"""Signals as state: what a process does with each, what is pending, what a thread blocks (kernel/signal.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kernel_model.abi.signal import NSIG, SIG_DFL, SIG_IGN, SS_DISABLE
from kernel_model.abi.uapi import Signal
from kernel_model.task.siginfo import SigInfo
from kernel_model.wait.queue import WaitQueue
from pffemu.hw.trap import Trap

FIRST_REALTIME: Final = 32
QUEUE_MAX: Final = 4096  # signals that wait in one queue, whatever RLIMIT_SIGPENDING allows


def bit(signo: int) -> int:
    return 1 << signo - 1


def mask_of(*signals: int) -> int:
    return sum(bit(signo) for signo in signals)


IGNORED_BY_DEFAULT: Final = mask_of(Signal.SIGCONT, Signal.SIGCHLD, Signal.SIGWINCH, Signal.SIGURG)
STOPS: Final = mask_of(Signal.SIGSTOP, Signal.SIGTSTP, Signal.SIGTTIN, Signal.SIGTTOU)
UNBLOCKABLE: Final = mask_of(Signal.SIGKILL, Signal.SIGSTOP)
_SYNCHRONOUS: Final = mask_of(
    Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGILL, Signal.SIGTRAP, Signal.SIGFPE, Signal.SIGSYS
)


@dataclass(frozen=True, slots=True)
class SigAction:
    """struct sigaction as the kernel keeps it."""

    handler: int = SIG_DFL
    flags: int = 0
    restorer: int = 0
    mask: int = 0


DEFAULT: Final = SigAction()
NO_TRAP: Final = Trap(0)


def ignores(action: SigAction, signo: int) -> bool:
    """Whether `signo` is discarded when it is sent."""
    return action.handler == SIG_IGN or (action.handler == SIG_DFL and bool(bit(signo) & IGNORED_BY_DEFAULT))


@dataclass(slots=True)
class PendingSignals:
    """Signals sent and not yet taken; at most one of each number below 32."""

    queue: list[SigInfo] = field(default_factory=list)
    mask: int = 0

    def add(self, info: SigInfo) -> bool:
        """Queue `info`. False when it is lost: its number is pending already, or the queue is full."""
        if info.timer is not None:
            pass  # it has its place since the timer was made
        elif info.signo < FIRST_REALTIME:
            if self.mask & bit(info.signo):
                return False
        elif len(self.queue) >= QUEUE_MAX:
            return False
        self.queue.append(info)
        self.mask |= bit(info.signo)
        return True

    def put_back(self, info: SigInfo) -> None:
        """Queue `info`, which was taken or never queued, as the next of its number."""
        self.queue.insert(0, info)
        self.mask |= bit(info.signo)

    def first(self, wanted: int) -> SigInfo | None:
        """The next of `wanted` (a mask): faults first, then by number, then by age."""
        mask = self.mask & wanted
        if not mask:
            return None
        mask = mask & _SYNCHRONOUS or mask
        signo = (mask & -mask).bit_length()
        return next(info for info in self.queue if info.signo == signo)

    def remove(self, info: SigInfo) -> None:
        self.queue = [other for other in self.queue if other is not info]
        if not any(other.signo == info.signo for other in self.queue):
            self.mask &= ~bit(info.signo)

    def exchange(self, old: SigInfo, new: SigInfo) -> None:
        """Put `new` in the place of `old`."""
        self.queue = [new if info is old else info for info in self.queue]

    def flush(self, mask: int) -> None:
        self.queue = [info for info in self.queue if not bit(info.signo) & mask]
        self.mask &= ~mask


@dataclass(slots=True, eq=False)
class SignalHandlers:
    """sighand_struct: shared by the threads of a process (and by CLONE_SIGHAND)."""

    actions: list[SigAction] = field(default_factory=lambda: [DEFAULT] * (NSIG + 1))

    def copy(self) -> SignalHandlers:
        return SignalHandlers(list(self.actions))

    def reset(self) -> None:
        """execve: caught signals return to their default action, ignored ones stay ignored."""
        self.actions = [SigAction(SIG_IGN) if action.handler == SIG_IGN else DEFAULT for action in self.actions]


@dataclass(slots=True, eq=False)
class ProcessSignals:
    """The signal state that the threads of a process share."""

    handlers: SignalHandlers = field(default_factory=SignalHandlers)
    pending: PendingSignals = field(default_factory=PendingSignals)
    stopped_by: int = 0  # the stop signal, 0: running
    arrivals: WaitQueue = field(default_factory=lambda: WaitQueue("signals"))  # readers of signalfds
    stopped: WaitQueue = field(default_factory=lambda: WaitQueue("stopped"))  # its threads, when stopped


@dataclass(slots=True)
class AltStack:
    """sigaltstack; `flags` SS_DISABLE: none."""

    start: int = 0
    flags: int = SS_DISABLE
    size: int = 0

    def holds(self, rsp: int) -> bool:
        return self.start < rsp <= self.start + self.size


@dataclass(slots=True)
class TaskSignals:
    """A thread's own signal state. `due`: something may have to be done before ring 3 runs on (TIF_SIGPENDING)."""

    blocked: int = 0
    pending: PendingSignals = field(default_factory=PendingSignals)
    due: bool = False
    saved_blocked: int | None = None  # to restore when a sigsuspend, ppoll, ... ends
    waiting_for: int = 0  # mask of rt_sigtimedwait
    altstack: AltStack = field(default_factory=AltStack)
    last_trap: Trap = NO_TRAP  # trapno, err and cr2 of the next frame
