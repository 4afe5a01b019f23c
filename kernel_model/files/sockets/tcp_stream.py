"""The two queues of a TCP connection (net/ipv4/tcp.c). lo delivers at once, so one queue, the receiver's, is both.

What is beyond the receiver's window counts as the sender's unsent bytes, against the sender's buffer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import FIONREAD
from kernel_model.abi.inet import TcpState
from kernel_model.abi.socket import (
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SIOCATMARK,
    SIOCOUTQ,
    SO_RCVLOWAT,
    SOL_SOCKET,
    SockType,
)
from kernel_model.abi.uapi import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
    Errno,
    LinuxError,
)
from kernel_model.files.file import faulted
from kernel_model.files.sockets import tcp_urgent
from kernel_model.files.sockets.inet import InetSocket
from kernel_model.files.sockets.message import Received
from kernel_model.files.sockets.tcp_urgent import Urgent

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.message import Outgoing
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu

_SEND_BUFFER: Final = 16_384  # net.ipv4.tcp_wmem
_RECEIVE_BUFFER: Final = 131_072  # net.ipv4.tcp_rmem
_WRITABLE: Final = POLLOUT | POLLWRNORM
_READABLE: Final = POLLIN | POLLRDNORM
_AT_ONCE: Final = 1 << 20  # bytes copied in one step


class TcpStream(InetSocket):
    """One end of a connection. `orphan`: its process has closed it. `finished`: the other end sends no more (FIN)."""

    def __init__(self, network: Network, family: int, flags: int) -> None:
        super().__init__(network, family, SockType.STREAM, flags)
        self.send_buffer, self.receive_buffer = _SEND_BUFFER, _RECEIVE_BUFFER
        self.state = TcpState.CLOSE
        self.peer: TcpStream | None = None
        self.inbox = bytearray()
        self.urgent: Urgent | None = None
        self.finished = self.orphan = False

    # -- sending ------------------------------------------------------------------------------------------------

    @property
    def window(self) -> int:
        """How many bytes of the inbox count as received."""
        return self.receive_buffer // 2

    @property
    def unsent(self) -> int:
        """Bytes that wait for room at the other end."""
        return max(0, len(self.peer.inbox) - self.peer.window) if self.peer is not None else 0

    @property
    def has_room(self) -> bool:
        """Linux: sk_stream_is_writeable."""
        return 3 * self.unsent <= 2 * self.send_buffer

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        """Linux: tcp_sendmsg. Bytes that reach a closed socket are answered with a reset."""
        done, flags = call.pending.progress, message.flags
        buffer.skip(done)
        if self.state is TcpState.SYN_SENT:
            self.wait(call, flags, self.send_timeout, "a connection")
        if self.state not in (TcpState.ESTABLISHED, TcpState.CLOSE_WAIT) or self.shutdown_write:
            return done or self._fail(call, flags)
        while buffer.size:
            peer = self.peer
            if self.error is not None or self.shutdown_write or peer is None:
                return done or self._fail(call, flags)
            room = self.send_buffer - self.unsent
            if room <= 0:
                return self.wait_for_room(call, done, flags)
            wanted = min(buffer.size, room, _AT_ONCE)
            data = buffer.gather(wanted)
            if len(data) < wanted:
                return faulted(done)
            buffer.skip(wanted)
            done += wanted
            if peer.orphan:
                self.was_reset(call.cpu)
            else:
                peer.deliver(call.cpu, data, urgent=bool(flags & MSG_OOB) and not buffer.size)
        return done

    def _fail(self, call: Caller, flags: int) -> int:
        self.raise_error()
        self.broken(call, flags)

    def deliver(self, cpu: Cpu, data: bytes, *, urgent: bool) -> None:
        """Bytes arrive from the other end. Raises LinuxError ENOBUFS."""
        self.network.memory.take(len(data))
        self.inbox += data
        if urgent:
            self.urgent = Urgent(len(self.inbox) - 1)
        self.announce(cpu, _READABLE | (POLLPRI if urgent else 0))

    def was_reset(self, cpu: Cpu) -> None:
        """The other end has sent RST (tcp_reset)."""
        raise NotImplementedError

    # -- receiving ----------------------------------------------------------------------------------------------

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """Linux: tcp_recvmsg."""
        if flags & MSG_ERRQUEUE:
            raise LinuxError(Errno.EAGAIN)
        if self.state is TcpState.LISTEN:
            raise LinuxError(Errno.ENOTCONN)
        if flags & MSG_OOB:
            return self._receive_urgent(buffer, flags)
        done = call.pending.progress
        buffer.skip(done)
        least = max(1, self.options.get((SOL_SOCKET, SO_RCVLOWAT), 1))
        wanted = buffer.size if flags & MSG_WAITALL else min(buffer.size, least)
        total, wanted = done, done + max(1, wanted)
        try:
            while (taken := self._take(call, buffer, flags)) and not flags & MSG_PEEK:
                total += taken
                call.pending.progress = total
                if total >= wanted or self.at_mark:
                    return Received(total, total)
            if taken:
                return Received(done + taken, done + taken)
            self._check_end(call, flags, total)
        except LinuxError:
            if not total:
                raise
        return Received(total, total)

    @property
    def at_mark(self) -> bool:
        """Whether the urgent byte is next (SIOCATMARK)."""
        return self.urgent is not None and self.urgent.at == 0

    def _check_end(self, call: Caller, flags: int, done: int) -> None:
        """Too little has come: wait, unless nothing more can. Raises LinuxError, Blocked."""
        if self.finished:
            return
        if done and self.error is not None:
            return
        self.raise_error()
        if self.shutdown_read:
            return
        if self.state is TcpState.CLOSE:
            raise LinuxError(Errno.ENOTCONN)
        call.pending.progress = done
        self.wait(call, flags, self.receive_timeout, "data in a socket")

    def _take(self, call: Caller, buffer: UserBuffer, flags: int) -> int:
        """Receive what is there, up to the urgent mark; returns the number of bytes."""
        skipped = self._skip_urgent(flags)
        count = min(buffer.size, self.available)
        if not flags & MSG_TRUNC:
            if buffer.room(count) < count:
                faulted(0)
            buffer.scatter(bytes(self.inbox[skipped : skipped + count]))
        if not flags & MSG_PEEK:
            buffer.skip(count)
            self._drop_front(call.cpu, count)
        return count

    def _skip_urgent(self, flags: int) -> int:
        """At the mark, the urgent byte leaves the stream, unless SO_OOBINLINE; with MSG_PEEK it is passed over."""
        if self.urgent is None or self.urgent.at or tcp_urgent.is_inline(self.options):
            return 0
        if flags & MSG_PEEK:
            return 1
        self.urgent = None
        del self.inbox[:1]
        self.network.memory.give_back(1)
        return 0

    @property
    def available(self) -> int:
        """The bytes of the inbox that one receive can take."""
        count = min(len(self.inbox), self.window)
        if self.urgent is None:
            return count
        if tcp_urgent.is_inline(self.options):
            return min(count, self.urgent.at) if self.urgent.at else count
        return min(count, self.urgent.at) if self.urgent.at else count - 1

    def _drop_front(self, cpu: Cpu, count: int) -> None:
        sender = self.peer
        was_full = sender is not None and not sender.has_room
        del self.inbox[:count]
        self.network.memory.give_back(count)
        if self.urgent is not None:
            self.urgent.at -= count
            if self.urgent.at < 0:
                self.urgent = None
        if sender is not None and was_full and sender.has_room:
            sender.announce(cpu, _WRITABLE)

    def _receive_urgent(self, buffer: UserBuffer, flags: int) -> Received:
        if tcp_urgent.check(self.urgent, self.options, flags) and self.urgent is not None:
            if buffer.size and buffer.room(1) < 1:
                faulted(0)
            count = min(1, buffer.size)
            buffer.scatter(bytes(self.inbox[self.urgent.at : self.urgent.at + count]))
            return Received(count, count, flags=MSG_OOB | (0 if count else MSG_TRUNC))
        raise LinuxError(Errno.EINVAL)

    def forget_inbox(self) -> None:
        self.network.memory.give_back(len(self.inbox))
        self.inbox.clear()
        self.urgent = None

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Linux: tcp_poll."""
        bits = POLLERR if self.error is not None else 0
        if self.state is TcpState.CLOSE or (self.shutdown_read and self.shutdown_write):
            bits |= POLLHUP
        if self.shutdown_read:
            bits |= _READABLE | POLLRDHUP
        if self.state is TcpState.SYN_SENT:
            return bits
        least = max(1, self.options.get((SOL_SOCKET, SO_RCVLOWAT), 1))
        if self.available >= min(least, self.window):
            bits |= _READABLE
        if self.shutdown_write or self.has_room:
            bits |= _WRITABLE
        if self.urgent is not None and not self.urgent.read:
            bits |= POLLPRI
        return bits

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request not in (FIONREAD, SIOCOUTQ, SIOCATMARK):
            return super().ioctl(call, request, argument)
        if self.state is TcpState.LISTEN and request != SIOCATMARK:
            raise LinuxError(Errno.EINVAL)
        if request == SIOCATMARK:
            value = int(self.at_mark)
        elif request == SIOCOUTQ:
            value = self.unsent
        else:
            value = self.available if self.urgent is None or self.urgent.at else 0
        call.memory.write_u32(argument, value)
        return 0
