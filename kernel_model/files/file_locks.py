"""All file locks of the machine, by inode: record locks, flock's, and leases (fs/locks.c)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.locks import F_UNLCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file_lock import Lock, LockSet, Sleeper, wake_waiters
from kernel_model.files.lease import Leases
from kernel_model.task.fd_table import FileTable
from kernel_model.wait.queue import Blocked

if TYPE_CHECKING:
    from collections import deque

    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.file_owner import FileSignal
    from kernel_model.files.status import FileStatus
    from kernel_model.task.task import Task
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

_DEADLOCK_STEPS_MAX: Final = 11


@dataclass(slots=True, eq=False)
class InodeLocks:
    """The locks of one inode. `status`: of the file, when it got its first lock."""

    status: FileStatus
    records: LockSet
    flocks: LockSet


class FileLocks:
    """The locks by inode (`File.inode`), and the requests that wait, by call."""

    def __init__(self, scheduler: Waker, signals: deque[FileSignal]) -> None:
        """`signals`: where the holders of leases are told."""
        self.leases = Leases(scheduler, signals)
        self._scheduler = scheduler
        self._inodes: dict[Hashable, InodeLocks] = {}
        self._requests: dict[Hashable, Lock] = {}

    def of_inodes(self) -> Iterator[InodeLocks]:
        """The locks of each inode that has any, in the order of the first (for /proc/locks)."""
        return iter(self._inodes.values())

    def conflict(self, file: File, request: Lock) -> Lock | None:
        """The first record lock that keeps `request` from being held."""
        locks = self._inodes.get(file.inode)
        return None if locks is None else locks.records.conflict(request)

    def overlapping(self, file: File, request: Lock) -> Lock | None:
        """The first record lock that the owner of `request` has in its range."""
        locks = self._inodes.get(file.inode)
        own = [] if locks is None else locks.records.held.get(request.owner, [])
        return next((lock for lock in own if lock.overlaps(request)), None)

    def set_record(self, call: Caller, file: File, request: Lock, wait: bool) -> None:
        """F_SETLK, F_SETLKW. Raises LinuxError EAGAIN, EDEADLK, ENOLCK; Blocked."""
        request = self._again(call, request)
        records = self._locks(file).records
        if isinstance(request.owner, FileTable):
            request.owner.record_locks = self
        else:
            file.locks = self
        if request.kind != F_UNLCK:
            self._wait_for_conflict(call, records, request, wait)
        self._put(call.cpu, file, records, request)

    def set_flock(self, call: Caller, file: File, request: Lock, wait: bool) -> None:
        """flock: the old lock goes first, also when the new one cannot be had. Raises LinuxError EAGAIN; Blocked."""
        request = self._again(call, request)
        flocks = self._locks(file).flocks
        file.locks = self
        held = flocks.held.get(file)
        if held is not None and held[0].kind == request.kind:
            return
        flocks.release(call.cpu, file)
        if request.kind != F_UNLCK:
            self._wait_for_conflict(call, flocks, request, wait)
            flocks.put(call.cpu, request)
        self._forget_if_free(file.inode)

    def closed(self, cpu: Cpu, table: FileTable, file: File) -> None:
        """A descriptor was closed: all record locks that its process has on the inode go."""
        locks = self._inodes.get(file.inode)
        if locks is not None:
            locks.records.release(cpu, table)
            self._forget_if_free(file.inode)

    def file_closed(self, cpu: Cpu, file: File) -> None:
        """The last descriptor of an open file was closed: its own locks and its lease go."""
        self.leases.drop(cpu, file)
        locks = self._inodes.get(file.inode)
        if locks is not None:
            locks.records.release(cpu, file)
            locks.flocks.release(cpu, file)
            self._forget_if_free(file.inode)

    def forget(self, cpu: Cpu, task: Task) -> None:
        """The thread is dead: requests behind one of its own look again."""
        if any(request.sleeper is not None and request.sleeper.task is task for request in self._requests.values()):
            self._drop_ended(cpu)

    def _locks(self, file: File) -> InodeLocks:
        inode = file.inode
        if inode not in self._inodes:
            self._inodes[inode] = InodeLocks(file.status(), LockSet(self._scheduler), LockSet(self._scheduler))
        return self._inodes[inode]

    def _forget_if_free(self, inode: Hashable) -> None:
        locks = self._inodes.get(inode)
        if locks is not None and not locks.records.held and not locks.flocks.held:
            del self._inodes[inode]

    def _again(self, call: Caller, request: Lock) -> Lock:
        """The request of a call that starts again, with those behind it; `request` otherwise."""
        old = self._requests.pop(call.pending, None)
        if old is None:
            return request
        self._leave(old)
        return old

    @staticmethod
    def _leave(request: Lock) -> None:
        if request.blocker is not None:
            request.blocker.waiters.remove(request)
            request.blocker = None

    def _put(self, cpu: Cpu, file: File, records: LockSet, request: Lock) -> None:
        try:
            records.put(cpu, request)
        finally:
            self._forget_if_free(file.inode)

    def _wait_for_conflict(self, call: Caller, locks: LockSet, request: Lock, wait: bool) -> None:
        """Return when nothing conflicts. Raises LinuxError EAGAIN, EDEADLK; Blocked."""
        blocker = locks.conflict(request)
        if blocker is None:
            return
        if not wait or self._would_deadlock(request, blocker):
            wake_waiters(self._scheduler, call.cpu, request)
            raise LinuxError(Errno.EDEADLK if wait else Errno.EAGAIN)
        request.sleeper = request.sleeper or Sleeper(call.task, call.pending)
        locks.wait_behind(call.cpu, blocker, request)
        self._drop_ended(call.cpu)
        self._requests[call.pending] = request
        raise Blocked(request.sleeper.queue, why="a file lock")

    def _drop_ended(self, cpu: Cpu) -> None:
        """Forget the requests whose calls have ended; those that only waited behind one of them look again."""
        ended = [request for request in self._requests.values() if not request.waits]
        self._requests = {call: request for call, request in self._requests.items() if request.waits}
        for request in ended:
            if request.blocker is None:
                wake_waiters(self._scheduler, cpu, request)

    def _would_deadlock(self, request: Lock, blocker: Lock) -> bool:
        """Whether the holder of `blocker` waits, through up to ten others, for the process that asks.

        Open files are no processes: their locks are not looked at.
        """
        lock: Lock | None = blocker
        for _ in range(_DEADLOCK_STEPS_MAX):
            if not isinstance(request.owner, FileTable) or lock is None:
                return False
            waiting = [other for other in self._requests.values() if other.owner is lock.owner and other.waits]
            lock = next((other.top for other in reversed(waiting) if other.blocker is not None), None)
            if lock is not None and lock.owner is request.owner:
                return True
        return False
