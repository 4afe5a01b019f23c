"""An open file: Linux's `struct file`, the description that descriptors share after dup and fork."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.files import O_ACCMODE, O_APPEND, O_NOATIME, O_NONBLOCK, O_RDONLY, O_WRONLY
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, Errno, LinuxError
from kernel_model.files.seek import SEEK_HOLE, SEEK_SET
from kernel_model.files.status import FileStatus

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.epoll import EpollItem
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.vma import Mappable
    from kernel_model.wait.queue import WaitQueue
    from pffemu.hw.cpu import Cpu


def faulted(done: int) -> int:
    """User memory ended: what a call answers that moved `done` bytes before. Raises LinuxError EFAULT."""
    if not done:
        raise LinuxError(Errno.EFAULT)
    return done


class File:
    """What every open file can do, as an anonymous inode answers. Calls raise LinuxError, and Blocked to wait.

    `flags` are the O_* access mode and status flags, as F_GETFL gives them; `references` counts descriptors.
    """

    name = "file"
    flags = 0
    references = 0
    can_seek: ClassVar[bool] = False
    can_poll = True  # epoll takes it
    settable = O_APPEND | O_NONBLOCK | O_NOATIME  # what F_SETFL changes
    watchers: tuple[EpollItem, ...] = ()  # entries of epolls that go when the file does

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        raise LinuxError(Errno.EINVAL)

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        raise LinuxError(Errno.EINVAL)

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """pread. Files that cannot seek: ESPIPE."""
        raise LinuxError(Errno.ESPIPE)

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        """The new position. Without one, nothing happens."""
        if not SEEK_SET <= whence <= SEEK_HOLE:
            raise LinuxError(Errno.EINVAL)
        return 0

    def truncate(self, size: int) -> None:
        """ftruncate. Raises LinuxError."""
        raise LinuxError(Errno.EINVAL)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate. Raises LinuxError."""
        raise LinuxError(Errno.ENODEV)

    def ioctl(self, call: Caller, request: int, argument: int) -> int | None:
        raise LinuxError(Errno.ENOTTY)

    def fcntl(self, call: Caller, command: int, argument: int) -> int:
        """Commands that only some files know."""
        raise LinuxError(Errno.EINVAL)

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        """mmap: the pages, and whether a mapping may ever be writable. Raises LinuxError ENODEV, EACCES, EPERM."""
        raise LinuxError(Errno.ENODEV)

    def poll(self) -> int:
        """POLL* bits that hold now."""
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM

    def poll_queue(self) -> WaitQueue | None:
        """Where to wait for `poll` to change; None: it never does."""
        return None

    def status(self) -> FileStatus:
        """What fstat tells."""
        return FileStatus(mode=0o600)

    def close(self, cpu: Cpu) -> None:
        """The last descriptor is gone."""

    def drop(self, cpu: Cpu) -> None:
        """A descriptor, or a message, that referred to it is gone."""
        self.references -= 1
        if self.references == 0:
            for item in self.watchers:
                item.epoll.forget(item)
            self.close(cpu)

    @property
    def readable(self) -> bool:
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def writable(self) -> bool:
        return self.flags & O_ACCMODE != O_RDONLY

    @property
    def nonblocking(self) -> bool:
        return bool(self.flags & O_NONBLOCK)
