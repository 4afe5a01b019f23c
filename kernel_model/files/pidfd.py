"""pidfd (fs/pidfs.c, kernel/pid.c): a descriptor that stands for a process or a thread, also when that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_NONBLOCK, O_RDWR, S_IFREG
from kernel_model.abi.uapi import POLLHUP, POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File
from kernel_model.files.status import FileStatus
from kernel_model.task.task import TaskState

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.task.task import Process, Task
    from kernel_model.wait.queue import WaitQueue
    from pffemu.hw.cpu import Cpu

PIDFD_NONBLOCK: Final = O_NONBLOCK
PIDFD_THREAD: Final = 0o200  # O_EXCL


class PidFd(File):
    """`task`: of a pidfd with PIDFD_THREAD. It can be polled for the end; reading and writing are refused."""

    settable = O_NONBLOCK
    can_splice = False

    def __init__(self, process: Process, task: Task | None, flags: int) -> None:
        """`flags`: PIDFD_NONBLOCK."""
        self.name = "pidfd"
        self.flags = O_RDWR | flags & O_NONBLOCK | (PIDFD_THREAD if task is not None else 0)
        self.process, self.task = process, task

    @property
    def is_reaped(self) -> bool:
        """No process or thread has the number any more. The first thread's stays with its process."""
        if self.task is not None and self.task.tid != self.process.pid:
            return self.task.state is TaskState.DEAD
        return self.process.is_reaped

    def living(self) -> Process:
        """The process, which may be a zombie. Raises LinuxError ESRCH when it was waited for."""
        if self.is_reaped:
            raise LinuxError(Errno.ESRCH)
        return self.process

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def truncate(self, size: int) -> None:
        raise LinuxError(Errno.EOPNOTSUPP)

    def poll(self) -> int:
        if self.is_reaped:
            return POLLIN | POLLRDNORM | POLLHUP
        ended = self.process.end is not None if self.task is None else self.task.state is TaskState.DEAD
        return POLLIN | POLLRDNORM if ended else 0

    def poll_queue(self) -> WaitQueue:
        return self.process.exits

    def reopen(self, call: Caller, flags: int) -> File:
        return PidFd(self.process, self.task, flags & O_NONBLOCK)

    def fdinfo(self, cpu: Cpu) -> str:
        """The number of the process or thread; -1 once it was waited for."""
        number = -1 if self.is_reaped else self.process.pid if self.task is None else self.task.tid
        return f"Pid:\t{number}\nNSpid:\t{number}\n"

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFREG | 0o700, inode=self.process.pid)
