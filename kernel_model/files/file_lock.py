"""Locks of ranges of one inode, each with its owner, and the requests that wait for them (fs/locks.c).

Three kinds share this: record locks of processes (owner: the descriptor table), those of open file descriptions, and
flock's (owner: the open file). A request that must wait does so behind the lock it conflicts with, or behind an earlier
request for that lock that it conflicts with as well: so waiters come in order, and one release wakes no crowd.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_model.abi.locks import F_UNLCK, F_WRLCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.seek import OFFSET_MAX
from kernel_model.task.task import TaskState
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.task.sleep import PendingCall
    from kernel_model.task.task import Task
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

_LOCKS_MAX: Final = 1 << 16  # locks of one kind on one inode


@dataclass(slots=True)
class Sleeper:
    """The thread that waits for a request, in its call."""

    task: Task
    call: PendingCall
    queue: WaitQueue = field(default_factory=lambda: WaitQueue("file lock"))

    @property
    def waits(self) -> bool:
        """Whether the call has neither ended nor been interrupted."""
        sleep = self.task.sleep
        alive = self.task.state is not TaskState.DEAD
        return alive and sleep is not None and sleep.call is self.call and not sleep.interrupted


@dataclass(slots=True, eq=False)
class Lock:
    """A lock, or a request for one (struct file_lock), of the bytes `start` to `end`, both included.

    `pid`: as F_GETLK tells it. `waiters`: requests behind it, oldest first; `blocker`, `sleeper`: of a request that
    waits.
    """

    owner: Hashable
    kind: int
    start: int = 0
    end: int = OFFSET_MAX
    pid: int = 0
    waiters: list[Lock] = field(default_factory=list)
    blocker: Lock | None = None
    sleeper: Sleeper | None = None

    @property
    def waits(self) -> bool:
        """Whether it is a request whose call still sleeps for it."""
        return self.sleeper is not None and self.sleeper.waits

    def overlaps(self, other: Lock) -> bool:
        return self.start <= other.end and other.start <= self.end

    def conflicts(self, other: Lock) -> bool:
        """Whether both cannot be held at once."""
        return self.owner is not other.owner and F_WRLCK in (self.kind, other.kind) and self.overlaps(other)

    @property
    def top(self) -> Lock:
        """The held lock that the request waits for, behind other requests or directly."""
        lock = self
        while lock.blocker is not None:
            lock = lock.blocker
        return lock


class LockSet:
    """The locks of one kind on one inode: for each owner, in the order of the first lock, its locks by position."""

    def __init__(self, scheduler: Waker) -> None:
        self.held: dict[Hashable, list[Lock]] = {}
        self._scheduler = scheduler

    def __iter__(self) -> Iterator[Lock]:
        for locks in self.held.values():
            yield from locks

    def conflict(self, request: Lock) -> Lock | None:
        """The first lock of another owner that keeps `request` from being held."""
        for owner, locks in self.held.items():
            if owner is not request.owner:
                for lock in locks[bisect_left(locks, request.start, key=lambda lock: lock.end) :]:
                    if lock.start > request.end:
                        break
                    if lock.conflicts(request):
                        return lock
        return None

    def wait_behind(self, cpu: Cpu, blocker: Lock, request: Lock) -> None:
        """Queue `request`. The requests behind it look again: they need not conflict with `blocker`."""
        place: Lock | None = blocker
        while place is not None:
            blocker = place
            _prune(blocker)
            place = next((other for other in blocker.waiters if other.conflicts(request)), None)
        request.blocker = blocker
        blocker.waiters.append(request)
        wake_waiters(self._scheduler, cpu, request)

    def put(self, cpu: Cpu, request: Lock) -> None:
        """Hold what `request` asks for (F_UNLCK: nothing) where its owner held anything else, and merge neighbours.

        Nothing conflicts with it. Raises LinuxError ENOLCK.
        """
        before = self.held.get(request.owner, [])
        if len(before) >= _LOCKS_MAX and request.kind != F_UNLCK:
            raise LinuxError(Errno.ENOLCK)
        first = bisect_left(before, request.start - 1, key=lambda lock: lock.end)
        after, released = before[:first], []
        start, end, merged = request.start, request.end, None if request.kind == F_UNLCK else request
        for at in range(first, len(before)):
            lock = before[at]
            if lock.start > end + 1:
                after += before[at:]
                break
            if lock.kind == request.kind:
                if merged is request:
                    merged = _extended(lock, request)
                    after.append(lock)
                elif merged is not None:
                    merged.end = max(merged.end, lock.end)
                    released.append(lock)
            elif lock.end < start or lock.start > end:
                after.append(lock)
            else:
                after += _cut(lock, start, end)
                released.append(lock)
        if merged is request:
            request.blocker = request.sleeper = None
            after.append(request)
        elif request.waiters:
            released.append(request)
        after.sort(key=lambda lock: lock.start)
        if after:
            self.held[request.owner] = after
        else:
            self.held.pop(request.owner, None)
        for lock in released:
            wake_waiters(self._scheduler, cpu, lock)

    def release(self, cpu: Cpu, owner: Hashable) -> None:
        """Drop all locks of `owner`."""
        for lock in self.held.pop(owner, []):
            wake_waiters(self._scheduler, cpu, lock)


def wake_waiters(scheduler: Waker, cpu: Cpu, lock: Lock) -> None:
    """Let the requests directly behind `lock` try again; of one whose call has ended, those behind it."""
    waiters, lock.waiters = lock.waiters, []
    for waiter in waiters:
        waiter.blocker = None
        if waiter.sleeper is not None and waiter.sleeper.waits:
            scheduler.wake_all(cpu, waiter.sleeper.queue)
        else:
            wake_waiters(scheduler, cpu, waiter)


def _prune(lock: Lock) -> None:
    """Replace requests behind `lock` whose calls have ended by those behind them."""
    while any(not waiter.waits for waiter in lock.waiters):
        lock.waiters = [one for waiter in lock.waiters for one in ([waiter] if waiter.waits else waiter.waiters)]
    for waiter in lock.waiters:
        waiter.blocker = lock


def _extended(lock: Lock, request: Lock) -> Lock:
    lock.start, lock.end = min(lock.start, request.start), max(lock.end, request.end)
    return lock


def _cut(lock: Lock, start: int, end: int) -> list[Lock]:
    """What is left of `lock` without [start, end], in up to two parts; the first of them stays this lock."""
    parts = []
    if lock.end > end:
        parts.append(Lock(lock.owner, lock.kind, end + 1, lock.end, lock.pid))
    if lock.start < start:
        lock.end = start - 1
        parts.insert(0, lock)
    return parts
