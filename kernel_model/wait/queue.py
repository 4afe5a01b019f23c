"""Sleeping in the kernel model: a thread that must wait raises `Blocked`; code that ends its reason to wait wakes it.

There are no kernel stacks. A blocked system call starts again from its registers when the thread is woken, so a call
touches user memory before it changes anything; `result` is for the calls whose wake-up itself is the answer (futex).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu


class Watcher(Protocol):
    """An entry of an epoll (kernel_model.files.epoll)."""

    @property
    def waiters(self) -> WaitQueue:
        """Threads that wait for the epoll."""

    @property
    def exclusive(self) -> bool:
        """EPOLLEXCLUSIVE: an event wakes the waiters of only one such entry."""

    def notify(self, events: int) -> bool:
        """Take note of `events`; returns whether the epoll's waiters are to be woken."""


@dataclass(slots=True, eq=False)
class WaitQueue:
    """Threads that wait for one thing, first come first, and the epoll entries that watch it."""

    name: str
    tasks: list[Task] = field(default_factory=list)
    items: list[Watcher] = field(default_factory=list)


class Waker(Protocol):
    """The scheduler as the layers below it know it: it makes sleeping threads runnable."""

    def wake_all(self, waker: Cpu, queue: WaitQueue, events: int = 0) -> None:
        """Wake all threads on `queue`, because `events` (POLL*; 0: unknown) happened."""


class FaultQueue(Protocol):
    """What keeps a sleeping thread's page fault or event for its readers (kernel_model.uffd.context)."""

    def forget_task(self, cpu: Cpu, task: Task) -> None:
        """The thread no longer waits."""


class Polled(Enum):
    """What a look at a spinning wait's condition has found."""

    WAIT = auto()  # nothing yet
    RESOLVED = auto()  # the fault is resolved
    AGAIN = auto()  # the kernel must handle the fault again: the wait is given up


class SpinWait(Protocol):
    """What a thread spins for in a page fault: its core does nothing else meanwhile."""

    def poll(self, cpu: Cpu, task: Task) -> Polled:
        """Look, and resolve the fault if that is possible now."""


class Interruptible(Enum):
    """What a signal does to a sleeping system call; the names are Linux's error codes for it."""

    NO = auto()  # only death ends the sleep
    EINTR = auto()  # it fails
    ERESTARTNOHAND = auto()  # it fails when a handler runs
    ERESTARTSYS = auto()  # ... unless that has SA_RESTART
    ERESTARTNOINTR = auto()  # it starts again behind the handler
    EAGAIN = auto()  # it fails with EAGAIN


class Blocked(Exception):
    """Control flow, not an error: the current thread must sleep on `queues`, at most until `deadline` (cycles)."""

    def __init__(
        self,
        *queues: WaitQueue,
        deadline: int | None = None,
        result: int | None = None,
        why: str,
        sleep: Interruptible = Interruptible.ERESTARTSYS,
        uffd: FaultQueue | None = None,
        again: bool = False,
        spin: SpinWait | None = None,
    ) -> None:
        """`uffd`: where the thread's fault or event is queued. `again`: the kernel handles a page fault again. `spin`:
        the thread of the page fault does not sleep."""
        super().__init__(why)
        self.again, self.spin = again, spin
        self.uffd = uffd
        self.queues, self.deadline, self.result, self.why, self.sleep = queues, deadline, result, why, sleep
