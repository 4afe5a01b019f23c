"""An open file: Linux's `struct file`, the description that descriptors share after dup and fork."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.files import O_ACCMODE, O_APPEND, O_NOATIME, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, PROT_WRITE, Errno, LinuxError
from kernel_model.files.seek import SEEK_HOLE, SEEK_SET
from kernel_model.files.status import FileStatus
from kernel_model.files.tree import notify

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.epoll import EpollItem
    from kernel_model.files.file_locks import FileLocks
    from kernel_model.files.file_owner import FileOwner
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.notify import Opening
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.vma import Mappable
    from kernel_model.task.fd_table import FileTable
    from kernel_model.wait.queue import WaitQueue
    from pffemu.hw.cpu import Cpu

DELETED = b" (deleted)"  # behind the path of what has no name any more


def faulted(done: int) -> int:
    """The result of a call that reached bad user memory after `done` bytes. Raises LinuxError EFAULT."""
    if not done:
        raise LinuxError(Errno.EFAULT)
    return done


class File:
    """An open file's operations, by default those of an anonymous inode. They raise LinuxError, and Blocked to wait.

    `flags` are the O_* access mode and status flags, as F_GETFL returns them; `references` counts descriptors.
    """

    name = "file"
    flags = 0
    references = 0
    can_seek: ClassVar[bool] = False
    can_poll = True  # epoll accepts it
    created = False  # its opening made the file
    maps_zeros = False  # a mapping of it is anonymous memory
    splices_from = splices_to = False  # splice reads and writes it; regular files and sockets it always does
    settable = O_APPEND | O_NONBLOCK | O_NOATIME  # flags that F_SETFL changes
    place: Place | None = None  # where in the tree it was opened
    position = 0  # of files that have one
    can_splice = True  # no file of /proc/PID can be spliced or sent
    opening: Opening | None = None  # its inode in the tree, for those who watch it
    watchers: tuple[EpollItem, ...] = ()  # entries of epolls, removed when the file is closed
    owner: FileOwner | None = None  # of its signals, since it was first asked about
    locks: FileLocks | None = None  # since it first had a lock of its own

    @property
    def inode(self) -> Hashable:
        """What all open files of one inode have in common; anonymous files share theirs."""
        return "anon_inode"

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
        """lseek: the new position; a file without a position stays at 0."""
        if not SEEK_SET <= whence <= SEEK_HOLE:
            raise LinuxError(Errno.EINVAL)
        return 0

    def truncate(self, size: int) -> None:
        """ftruncate. Raises LinuxError."""
        raise LinuxError(Errno.EINVAL)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate. Raises LinuxError."""
        raise LinuxError(Errno.ENODEV)

    @property
    def attributes(self) -> Attributes | None:
        """Owner and times of its inode, where they are kept."""
        return None

    def set_mode(self, mode: int) -> None:
        """fchmod of a file without a place: the mode of most is not kept. Raises LinuxError."""

    def reopen(self, call: Caller, flags: int) -> File:
        """open of a link in /proc/PID/fd to this file; `flags` as for Node.open. Raises LinuxError."""
        raise LinuxError(Errno.ENXIO)

    def changed(self, cpu: Cpu) -> None:
        """The content was changed by a call that is not a write: keep the times."""

    def ioctl(self, call: Caller, request: int, argument: int) -> int | None:
        raise LinuxError(Errno.ENOTTY)

    def fcntl(self, call: Caller, command: int, argument: int) -> int:
        """fcntl commands that only some files have. Raises LinuxError EINVAL."""
        raise LinuxError(Errno.EINVAL)

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        """mmap: the pages, and whether a mapping may ever be writable. Raises LinuxError ENODEV, EACCES, EPERM."""
        raise LinuxError(Errno.ENODEV)

    def check_mapping(self, prot: int, shared: bool) -> None:
        """Raises LinuxError EACCES unless it was opened for accesses such as the mapping's."""
        if not self.readable or (shared and prot & PROT_WRITE and not self.writable):
            raise LinuxError(Errno.EACCES)

    def poll(self) -> int:
        """POLL* bits that hold now."""
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM

    def poll_queue(self) -> WaitQueue | None:
        """The queue to wait on for a change of `poll`; None: it never changes."""
        return None

    def status(self) -> FileStatus:
        """fstat's result."""
        return FileStatus(mode=0o600)

    @property
    def link(self) -> bytes:
        """What a link of /proc/PID/fd to it says."""
        is_whole = self.name.startswith(("/", "anon_inode:"))
        has_no_name = self.place is not None and self.place.node is not None and not self.place.node.links
        has_no_name |= self.opening is not None and self.opening.held is not None and self.opening.held.gone
        moved = None if self.opening is None else self.opening.path
        text = moved or os.fsencode(self.name if is_whole else f"anon_inode:[{self.name}]")
        return text.removesuffix(DELETED) + DELETED if has_no_name else text

    def fdinfo(self, cpu: Cpu) -> str:
        """The lines that /proc/PID/fdinfo shows of this kind of file, besides those of every file."""
        return ""

    def leave(self, cpu: Cpu, table: FileTable) -> None:
        """`table` drops a descriptor of it, which need not be the last (Linux: flush)."""

    def close(self, cpu: Cpu) -> None:
        """The last reference is gone."""

    def drop(self, cpu: Cpu) -> None:
        """Drop a reference by a descriptor or a message; the last one closes the file."""
        self.references -= 1
        if self.references == 0:
            for item in self.watchers:
                item.epoll.forget(item)
            if self.owner is not None:
                self.owner.forget()
            if self.locks is not None:
                self.locks.file_closed(cpu, self)
            if self.opening is not None:
                notify.closed(cpu, self)
            self.close(cpu)

    @property
    def readable(self) -> bool:
        return self.flags & O_ACCMODE in (O_RDONLY, O_RDWR)

    @property
    def writable(self) -> bool:
        return self.flags & O_ACCMODE in (O_WRONLY, O_RDWR)

    @property
    def nonblocking(self) -> bool:
        return bool(self.flags & O_NONBLOCK)
