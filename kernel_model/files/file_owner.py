"""Signal-driven I/O: whom a file tells by signal that it is ready (fs/fcntl.c: F_SETOWN, F_SETSIG, O_ASYNC)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_ASYNC
from kernel_model.abi.locks import F_OWNER_TID
from kernel_model.abi.signal import POLL_HUP, POLL_IN, POLL_OUT
from kernel_model.abi.uapi import POLLIN, POLLOUT
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.file import File


@dataclass(slots=True)
class FileOwner:
    """`number`: of a thread, process or group, by `kind` (F_OWNER_*); 0: none. `signo` 0: SIGIO without details."""

    kind: int = F_OWNER_TID
    number: int = 0
    signo: int = 0
    watch: AsyncWatch | None = None  # with O_ASYNC

    def forget(self) -> None:
        """The file is closed, or has no O_ASYNC any more."""
        if self.watch is not None:
            self.watch.queue.items.remove(self.watch)
            self.watch = None


@dataclass(frozen=True, slots=True)
class FileSignal:
    """A signal to be sent: `reason` is POLL_IN or one of its relatives."""

    owner: FileOwner
    fd: int
    reason: int


class AsyncWatch:
    """The entry of a file with O_ASYNC in its wait queue: each event there is a signal, sent when the call ends."""

    exclusive = False

    def __init__(self, owner: FileOwner, fd: int, queue: WaitQueue, reason: int, signals: deque[FileSignal]) -> None:
        """`reason`: of events that say nothing."""
        self._owner, self._fd, self._reason, self._signals = owner, fd, reason, signals
        self.queue = queue
        self.waiters = WaitQueue("a signal")

    def notify(self, events: int) -> bool:
        reason = POLL_IN if events & POLLIN else POLL_OUT if events & POLLOUT else self._reason
        if self._owner.number:
            self._signals.append(FileSignal(self._owner, self._fd, reason))
        return False


_PIPE_REASONS: Final = {"pipe (data)": POLL_IN, "pipe (space)": POLL_OUT}


def owner_of(file: File) -> FileOwner:
    """The file's owner, made on first use."""
    if file.owner is None:
        file.owner = FileOwner()
    return file.owner


def set_async(file: File, fd: int, on: bool, signals: deque[FileSignal]) -> None:
    """O_ASYNC was set or cleared by `fd`, on a file that has it."""
    owner, queue = owner_of(file), file.poll_queue()
    owner.forget()
    file.flags = file.flags & ~O_ASYNC | (O_ASYNC if on else 0)
    if on and queue is not None:
        owner.watch = AsyncWatch(owner, fd, queue, _PIPE_REASONS.get(queue.name, POLL_HUP), signals)
        queue.items.append(owner.watch)
