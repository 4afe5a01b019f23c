"""epoll (fs/eventpoll.c): a set of watched files, and the list of those that became ready, oldest first.

Level-triggered entries go back to the end of the list when they are reported, edge-triggered ones leave it, one-shot
ones are disarmed. An entry on the list is polled again before it is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, O_RDWR
from kernel_model.abi.uapi import POLLERR, POLLHUP, POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.task.fd_table import DescriptorAccount
    from pffemu.hw.cpu import Cpu

_PRIVATE: Final = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
_CHAIN_MAX: Final = 5  # nested epolls (EP_MAX_NESTS, and the outermost)


@dataclass(slots=True, eq=False)
class EpollItem:
    """One watched descriptor: `events` wanted and flags, `data` of the user."""

    epoll: Epoll
    file: File
    fd: int
    events: int
    data: int

    @property
    def waiters(self) -> WaitQueue:
        """The threads that wait for the epoll."""
        return self.epoll.waiters

    @property
    def exclusive(self) -> bool:
        return bool(self.events & EPOLLEXCLUSIVE)

    @property
    def revents(self) -> int:
        """The bits of `events` that hold now."""
        return self.file.poll() & self.events & ~_PRIVATE

    def notify(self, events: int) -> bool:
        """Put the entry on the ready list if it wants `events` (0: unknown); returns whether to wake the waiters."""
        if not self.events & ~_PRIVATE or (events and not events & self.events):
            return False
        if self not in self.epoll.ready:
            self.epoll.ready.append(self)
        return True


class Epoll(File):
    def __init__(self, account: DescriptorAccount) -> None:
        self.name, self.flags = "epoll", O_RDWR
        self._account = account
        self._items: dict[tuple[File, int], EpollItem] = {}
        self.ready: list[EpollItem] = []
        self.waiters = WaitQueue("epoll")

    def add(self, file: File, fd: int, events: int, data: int) -> EpollItem:
        """EPOLL_CTL_ADD. Raises LinuxError EPERM, EEXIST, ELOOP, ENOSPC."""
        if (file, fd) in self._items:
            raise LinuxError(Errno.EEXIST)
        if isinstance(file, Epoll) and (file._reaches(self) or self._height() + file._depth() > _CHAIN_MAX):
            raise LinuxError(Errno.ELOOP)
        self._account.charge_watch()
        item = EpollItem(self, file, fd, events | POLLERR | POLLHUP, data)
        self._items[file, fd] = item
        file.watchers = (*file.watchers, item)
        queue = file.poll_queue()
        if queue is not None:
            queue.items.append(item)
        return item

    def items(self) -> list[EpollItem]:
        """All entries, in the order they were added."""
        return list(self._items.values())

    def find(self, file: File, fd: int) -> EpollItem:
        """The entry of `fd`. Raises LinuxError ENOENT."""
        item = self._items.get((file, fd))
        if item is None:
            raise LinuxError(Errno.ENOENT)
        return item

    def forget(self, item: EpollItem) -> None:
        """Remove the entry: EPOLL_CTL_DEL, or its file was closed."""
        del self._items[item.file, item.fd]
        self._account.watches -= 1
        item.file.watchers = tuple(other for other in item.file.watchers if other is not item)
        queue = item.file.poll_queue()
        if queue is not None:
            queue.items.remove(item)
        if item in self.ready:
            self.ready.remove(item)

    def collect(self, limit: int) -> list[tuple[int, int]]:
        """At most `limit` (events, data) of entries that are ready. Linux: ep_send_events."""
        found: list[tuple[int, int]] = []
        again: list[EpollItem] = []
        waiting, self.ready = self.ready, []
        while waiting and len(found) < limit:
            item = waiting.pop(0)
            revents = item.revents
            if not revents:
                continue
            found.append((revents, item.data))
            if item.events & EPOLLONESHOT:
                item.events &= _PRIVATE
            elif not item.events & EPOLLET:
                again.append(item)
        self.ready = waiting + again
        return found

    @property
    def link(self) -> bytes:
        return b"anon_inode:[eventpoll]"

    def fdinfo(self, cpu: Cpu) -> str:
        """One line for each watched descriptor."""
        lines = []
        for item in self._items.values():
            status = item.file.status()
            lines.append(
                f"tfd: {item.fd:8} events: {item.events:8x} data: {item.data:16x}  pos:{item.file.position} "
                f"ino:{status.inode:x} sdev:{status.device:x}\n"
            )
        return "".join(lines)

    def poll(self) -> int:
        return POLLIN | POLLRDNORM if any(item.revents for item in self.ready) else 0

    def poll_queue(self) -> WaitQueue:
        return self.waiters

    def close(self, cpu: Cpu) -> None:
        for item in list(self._items.values()):
            self.forget(item)

    def _reaches(self, other: Epoll) -> bool:
        watched = [item.file for item in self._items.values() if isinstance(item.file, Epoll)]
        return self is other or any(epoll._reaches(other) for epoll in watched)

    def _height(self) -> int:
        """The longest chain of epolls that watch this one, including it."""
        return 1 + max((item.epoll._height() for item in self.watchers), default=0)

    def _depth(self) -> int:
        """The longest chain of epolls that this one watches, including it."""
        return 1 + max((item.file._depth() for item in self._items.values() if isinstance(item.file, Epoll)), default=0)
