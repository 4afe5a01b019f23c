"""Leases (fs/locks.c): a file's holder is told by signal before another open conflicts, which waits for the holder."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_PATH
from kernel_model.abi.locks import F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK
from kernel_model.abi.signal import POLL_MSG
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file_owner import FileSignal, owner_of
from kernel_model.wait.queue import Blocked, WaitQueue

if TYPE_CHECKING:
    from collections import deque

    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

_BREAK_TIME: Final = 45  # seconds: fs.lease-break-time


@dataclass(slots=True, eq=False)
class Lease:
    """`goal`: what it is to become, by `deadline` (cycles), because another open waits; None: nothing breaks it.

    `pid`: the process that took it.
    """

    file: File
    fd: int
    kind: int
    goal: int | None = None
    deadline: int = 0
    pid: int = 0


@dataclass(slots=True, eq=False)
class InodeLeases:
    leases: list[Lease] = field(default_factory=list)
    breakers: WaitQueue = field(default_factory=lambda: WaitQueue("lease"))


class Leases:
    """The leases by inode (`File.inode`)."""

    def __init__(self, scheduler: Waker, signals: deque[FileSignal]) -> None:
        self._scheduler, self._signals = scheduler, signals
        self._inodes: dict[Hashable, InodeLeases] = {}

    def kind_of(self, file: File) -> int:
        """F_GETLEASE: the kind, or what it is to become."""
        lease = self._find(file)
        return F_UNLCK if lease is None else lease.kind if lease.goal is None else lease.goal

    def set(self, call: Caller, file: File, fd: int, kind: int) -> None:
        """F_SETLEASE on a regular file. Raises LinuxError EAGAIN."""
        lease = self._find(file)
        if kind == F_UNLCK:
            if lease is None:
                raise LinuxError(Errno.EAGAIN)
            self.drop(call.cpu, file)
            return
        self._check_others(call, file, kind)
        inode = self._inodes.setdefault(file.inode, InodeLeases())
        if lease is None:
            inode.leases.append(Lease(file, fd, kind, pid=call.process.pid))
        else:
            lease.kind = kind
            if lease.goal == F_RDLCK and kind == F_RDLCK:
                lease.goal = None
            self._scheduler.wake_all(call.cpu, inode.breakers)
        owner = owner_of(file)
        if not owner.number:
            owner.kind, owner.number = F_OWNER_PID, call.process.pid

    def all(self) -> list[Lease]:
        """In the order of the inodes' first leases."""
        return [lease for inode in self._inodes.values() for lease in inode.leases]

    def drop(self, cpu: Cpu, file: File) -> None:
        """The lease of `file`, if it has one, ends, and so does the file's owner (lease_modify)."""
        lease, inode = self._find(file), self._inodes.get(file.inode)
        if lease is not None and inode is not None:
            inode.leases.remove(lease)
            owner = owner_of(file)
            owner.number = owner.signo = 0
            self._scheduler.wake_all(cpu, inode.breakers)
            if not inode.leases:
                del self._inodes[file.inode]

    def break_for(self, call: Caller, inode: Hashable, *, writing: bool, nonblocking: bool) -> None:
        """Another open of the inode: tell the holders of leases in its way, and wait for them.

        Raises LinuxError EAGAIN with `nonblocking`; Blocked.
        """
        held = self._inodes.get(inode)
        if held is None:
            return
        goal, now = F_UNLCK if writing else F_RDLCK, call.cpu.clock
        for lease in [lease for lease in held.leases if lease.goal is not None and lease.deadline <= now]:
            self._expire(call.cpu, lease)
        conflicts = [lease for lease in held.leases if writing or lease.kind == F_WRLCK]
        for lease in conflicts:
            if lease.goal is None or (lease.goal, goal) == (F_RDLCK, F_UNLCK):
                told = lease.goal is not None
                lease.goal = goal
                lease.deadline = now + _BREAK_TIME * call.cpu.profile.frequency
                if not told:
                    self._signals.append(FileSignal(owner_of(lease.file), lease.fd, POLL_MSG))
        if conflicts:
            if nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(held.breakers, deadline=min(lease.deadline for lease in conflicts), why="a lease")

    def _expire(self, cpu: Cpu, lease: Lease) -> None:
        if lease.goal == F_UNLCK:
            self.drop(cpu, lease.file)
        else:
            lease.kind, lease.goal = F_RDLCK, None

    def _find(self, file: File) -> Lease | None:
        inode = self._inodes.get(file.inode)
        return None if inode is None else next((lease for lease in inode.leases if lease.file is file), None)

    def _check_others(self, call: Caller, file: File, kind: int) -> None:
        """A read lease wants no writer, not even its own file; a write lease no other open file. Raises EAGAIN."""
        files = {one: None for process in call.kernel.processes.values() for one in process.files.files()}
        opened = [one for one in files if not one.flags & O_PATH and one.inode == file.inode]
        if kind == F_RDLCK and any(one.writable for one in opened):
            raise LinuxError(Errno.EAGAIN)
        inode = self._inodes.get(file.inode)
        others = [] if inode is None else [lease for lease in inode.leases if lease.file is not file]
        if (kind == F_WRLCK and len(opened) > 1) or any(lease.goal == F_UNLCK for lease in others):
            raise LinuxError(Errno.EAGAIN)
