"""A socket's part that all families share (net/core/sock.c, net/socket.c)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NoReturn

from kernel_model.abi.files import O_ASYNC, O_NONBLOCK, O_RDWR, S_IFSOCK
from kernel_model.abi.socket import MSG_DONTWAIT, MSG_NOSIGNAL, SHUT_RD, SHUT_WR, SockType
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file import File
from kernel_model.files.sockets.memory import DEFAULT_BUFFER
from kernel_model.files.sockets.message import NO_CREDENTIALS, Credentials, Outgoing
from kernel_model.files.status import FileStatus
from kernel_model.files.write_signals import broken_pipe
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.message import Received
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu


class Socket(File):
    """An open socket. A protocol overrides what it can do; what it cannot is EOPNOTSUPP.

    `options`: values by level and option, without those that have fields. Timeouts in nanoseconds; None: none.
    `error`: what the next call fails with (SO_ERROR). `linger`: seconds; None: off.
    """

    settable = File.settable | O_ASYNC
    protocol = 0

    def __init__(self, network: Network, family: int, kind: SockType, flags: int) -> None:
        """Raises LinuxError ENFILE."""
        network.memory.opened()
        self.name, self.flags = "socket", O_RDWR | flags & O_NONBLOCK
        self.network, self.family, self.kind = network, family, kind
        self.options: dict[tuple[int, int], int] = {}
        self.send_buffer = self.receive_buffer = DEFAULT_BUFFER
        self.send_timeout: int | None = None
        self.receive_timeout: int | None = None
        self.linger: int | None = None
        self.error: Errno | None = None
        self.shutdown_read = self.shutdown_write = False
        self.peer_credentials: Credentials = NO_CREDENTIALS
        self.cookie = network.next_cookie()
        self._changed = WaitQueue("socket")

    # -- addresses and connections ------------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        return False

    def bind(self, call: Caller, address: bytes) -> None:
        raise LinuxError(Errno.EOPNOTSUPP)

    def listen(self, call: Caller, backlog: int) -> None:
        raise LinuxError(Errno.EOPNOTSUPP)

    def accept(self, call: Caller) -> Socket:
        """The next connection, a socket without descriptors yet."""
        raise LinuxError(Errno.EOPNOTSUPP)

    def connect(self, call: Caller, address: bytes) -> None:
        raise LinuxError(Errno.EOPNOTSUPP)

    def own_address(self) -> bytes:
        """getsockname: a struct sockaddr."""
        raise LinuxError(Errno.EOPNOTSUPP)

    def peer_address(self) -> bytes:
        """getpeername. Raises LinuxError ENOTCONN."""
        raise LinuxError(Errno.ENOTCONN)

    def accepted_from(self) -> bytes:
        """The peer's address, as accept reports it."""
        return self.peer_address()

    def shutdown(self, call: Caller, how: int) -> None:
        """SHUT_RD, SHUT_WR or SHUT_RDWR."""
        raise LinuxError(Errno.EOPNOTSUPP)

    def _mark_shutdown(self, how: int) -> None:
        self.shutdown_read |= how != SHUT_WR
        self.shutdown_write |= how != SHUT_RD

    # -- messages -----------------------------------------------------------------------------------------------

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        raise LinuxError(Errno.EOPNOTSUPP)

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """Receive into `buffer`. `flags`: MSG_*."""
        raise LinuxError(Errno.EOPNOTSUPP)

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        if not buffer.size:
            return 0
        received = self.receive(call, buffer, 0)
        for file in received.files:
            file.drop(call.cpu)
        return received.count

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        return self.send(call, buffer, Outgoing())

    # -- waiting ------------------------------------------------------------------------------------------------

    def take_error(self) -> Errno | None:
        """The pending error, which is then forgotten (Linux: sock_error)."""
        error, self.error = self.error, None
        return error

    def raise_error(self) -> None:
        """Raises LinuxError, if an error is pending."""
        error = self.take_error()
        if error is not None:
            raise LinuxError(error)

    def wait(
        self, call: Caller, flags: int, timeout: int | None, why: str, late: Errno = Errno.EAGAIN,
        queue: WaitQueue | None = None,
    ) -> NoReturn:  # fmt: skip
        """Sleep until the socket (or `queue`) changes. Raises Blocked, or LinuxError `late` if it may not wait."""
        pending = call.pending
        if self.nonblocking or flags & MSG_DONTWAIT:
            raise LinuxError(late)
        on = queue or self._changed
        if timeout is None:
            raise Blocked(on, why=why)
        deadline = pending.deadline
        if deadline is None:
            deadline = call.cpu.clock + call.cpu.profile.to_cycles(timeout)
        if pending.timed_out or call.cpu.clock >= deadline:
            raise LinuxError(late)
        raise Blocked(on, deadline=deadline, why=why, sleep=Interruptible.EINTR)

    def wait_for_room(self, call: Caller, done: int, flags: int) -> int:
        """Sleep until more can be sent; `done`, the bytes sent so far, if it may not. Raises Blocked, LinuxError."""
        call.pending.progress = done
        try:
            self.wait(call, flags, self.send_timeout, "room in a socket")
        except LinuxError:
            if not done:
                raise
            return done

    def broken(self, call: Caller, flags: int) -> NoReturn:
        """Nothing can be sent any more: SIGPIPE, unless MSG_NOSIGNAL. Raises LinuxError EPIPE."""
        if flags & MSG_NOSIGNAL:
            raise LinuxError(Errno.EPIPE)
        broken_pipe(call)

    def announce(self, cpu: Cpu, events: int = 0) -> None:
        """Wake the threads that wait for this socket; `events`: POLL*, 0: all."""
        self.network.scheduler.wake_all(cpu, self._changed, events)

    def poll_queue(self) -> WaitQueue:
        return self._changed

    # -- the rest -----------------------------------------------------------------------------------------------

    @property
    def inode(self) -> Hashable:
        return self

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFSOCK | 0o777, inode=self.cookie)

    @property
    def link(self) -> bytes:
        return b"socket:[%d]" % self.cookie

    def close(self, cpu: Cpu) -> None:
        self.network.memory.closed()
