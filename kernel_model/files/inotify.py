"""inotify (fs/notify/inotify/): an open file that queues what happens to the inodes it watches."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import FIONREAD, O_ASYNC, O_NONBLOCK, O_RDONLY
from kernel_model.abi.inotify import (
    IN_ALL_EVENTS,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_ISDIR,
    IN_MOVE_SELF,
    IN_ONESHOT,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)
from kernel_model.abi.uapi import POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.wait.queue import Blocked, WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

INSTANCES_MAX: Final = 128  # fs.inotify.max_user_instances
WATCHES_MAX: Final = 1 << 16  # fs.inotify.max_user_watches
QUEUE_MAX: Final = 16_384  # fs.inotify.max_queued_events
_HEAD: Final = struct.Struct("<iIII")  # struct inotify_event up to the name
_SHOWN: Final = IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW


@dataclass(slots=True)
class InotifyAccount:
    """Instances and watches of all processes together."""

    instances: int = 0
    watches: int = 0


@dataclass(slots=True, eq=False)
class Watch:
    """`mask`: the IN_* events that are asked for, with IN_ONESHOT and IN_EXCL_UNLINK."""

    inotify: Inotify
    number: int
    inode: Attributes
    mask: int


@dataclass(frozen=True, slots=True)
class _Event:
    watch: int
    mask: int
    cookie: int
    name: bytes

    @property
    def data(self) -> bytes:
        """struct inotify_event; the name ends with NULs up to a multiple of the head's size."""
        length = -(-(len(self.name) + 1) // _HEAD.size) * _HEAD.size if self.name else 0
        return _HEAD.pack(self.watch, self.mask & _SHOWN, self.cookie, length) + self.name.ljust(length, b"\0")


class Inotify(File):
    settable = File.settable | O_ASYNC

    def __init__(self, scheduler: Waker, account: InotifyAccount, flags: int) -> None:
        """`flags`: O_NONBLOCK."""
        self.name, self.flags = "inotify", O_RDONLY | flags & O_NONBLOCK
        self._scheduler, self._account = scheduler, account
        self.watches: dict[int, Watch] = {}
        self._last = 0  # number of a watch
        self._events: list[_Event] = []
        self._changed = WaitQueue("an event of inotify")
        account.instances += 1

    def watch_of(self, inode: Attributes) -> Watch | None:
        return next((watch for watch in inode.watches if watch.inotify is self), None)

    def watch(self, inode: Attributes, mask: int) -> Watch:
        """Watch `inode` from now on. Raises LinuxError ENOSPC."""
        if self._account.watches >= WATCHES_MAX:
            raise LinuxError(Errno.ENOSPC)
        self._last += 1
        watch = self.watches[self._last] = Watch(self, self._last, inode, mask)
        inode.watches = (*inode.watches, watch)
        self._account.watches += 1
        return watch

    def unwatch(self, cpu: Cpu, watch: Watch) -> None:
        """The watch ends; its last event is IN_IGNORED."""
        self._forget(watch)
        self._add(cpu, _Event(watch.number, IN_IGNORED, 0, b""))

    def _forget(self, watch: Watch) -> None:
        del self.watches[watch.number]
        watch.inode.watches = tuple(other for other in watch.inode.watches if other is not watch)
        self._account.watches -= 1

    def happened(self, cpu: Cpu, watch: Watch, mask: int, cookie: int, name: bytes) -> None:
        """Queue an event that the watch asks for."""
        if not mask & watch.mask & IN_ALL_EVENTS:
            return
        if mask & (IN_DELETE_SELF | IN_MOVE_SELF):
            mask &= ~IN_ISDIR
        self._add(cpu, _Event(watch.number, mask, cookie, name))
        if watch.mask & IN_ONESHOT:
            self.unwatch(cpu, watch)

    def _add(self, cpu: Cpu, event: _Event) -> None:
        last = self._events[-1] if self._events else None
        if last is not None and event.mask != IN_IGNORED:
            if (last.watch, last.mask, last.name) == (event.watch, event.mask, event.name):
                return
            if last.mask == IN_Q_OVERFLOW:
                return
        if len(self._events) >= QUEUE_MAX:
            event = _Event(-1, IN_Q_OVERFLOW, 0, b"")
        self._events.append(event)
        self._scheduler.wake_all(cpu, self._changed, POLLIN | POLLRDNORM)

    def fdinfo(self, cpu: Cpu) -> str:
        """A line for each watch, the newest first; no handle of the file."""
        rows = [(watch.number, watch.inode.number, watch.mask) for watch in reversed(self.watches.values())]
        return "".join(
            f"inotify wd:{number:x} ino:{inode:x} sdev:0 mask:{mask:x} ignored_mask:0 \n"
            for number, inode, mask in rows
        )

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Whole events. Errors: EINVAL (the first does not fit), EAGAIN."""
        if not self._events:
            if self.nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self._changed, why=self._changed.name)
        data, taken = b"", 0
        for event in self._events:
            if len(data) + len(event.data) > buffer.size:
                break
            data, taken = data + event.data, taken + 1
        if not taken:
            raise LinuxError(Errno.EINVAL)
        if buffer.room(len(data)) < len(data):
            faulted(0)
        del self._events[:taken]
        buffer.scatter(data)
        return len(data)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != FIONREAD:
            raise LinuxError(Errno.ENOTTY)
        call.memory.write_u32(argument, sum(len(event.data) for event in self._events))
        return 0

    @property
    def link(self) -> bytes:
        return b"anon_inode:inotify"

    def poll(self) -> int:
        return POLLIN | POLLRDNORM if self._events else 0

    def poll_queue(self) -> WaitQueue:
        return self._changed

    def close(self, cpu: Cpu) -> None:
        for watch in list(self.watches.values()):
            self._forget(watch)
        self._account.instances -= 1
