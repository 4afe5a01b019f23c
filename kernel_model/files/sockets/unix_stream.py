"""AF_UNIX sockets with connections: streams and sequenced packets (net/unix/af_unix.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.socket import (
    MSG_PEEK,
    MSG_WAITALL,
    SHUT_RD,
    SHUT_WR,
    SO_RCVLOWAT,
    SOL_SOCKET,
    SOMAXCONN,
    SockType,
)
from kernel_model.abi.uapi import POLLERR, POLLHUP, POLLIN, POLLRDHUP, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import faulted
from kernel_model.files.sockets.memory import LINEAR, LINEAR_PACKET, PIECE, true_size
from kernel_model.files.sockets.message import Credentials, Message, Outgoing, Received
from kernel_model.files.sockets.unix import UnixSocket
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu


class UnixStream(UnixSocket):
    """One end of a connection, or a socket that listens. `connected` stays true when the other end is closed.

    `accepted` is false of an end that waits for accept.
    """

    peer: UnixStream | None

    def __init__(self, network: Network, kind: SockType, flags: int) -> None:
        super().__init__(network, kind, flags)
        self.connected = False
        self.backlog: int | None = None  # of a listening socket
        self.waiting: list[UnixStream] = []  # connections to accept
        self._room = WaitQueue("room for a connection")
        self._remote = b""  # the other end's address when it is closed
        self.accepted = True

    # -- connections --------------------------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        return self.backlog is not None

    def listen(self, call: Caller, backlog: int) -> None:
        if not self.bound or self.connected:
            raise LinuxError(Errno.EINVAL)
        grows = self.backlog is not None and backlog > self.backlog
        self.backlog = min(backlog, SOMAXCONN) if backlog >= 0 else SOMAXCONN
        self.peer_credentials = Credentials(call.process.pid, 0, 0)
        if grows:
            self.network.scheduler.wake_all(call.cpu, self._room)

    def connect(self, call: Caller, address: bytes) -> None:
        """Raises LinuxError ECONNREFUSED, EAGAIN (the backlog is full), EISCONN, EINVAL, EPROTOTYPE."""
        self._name_for_credentials()
        other = self.find(call, address)
        assert isinstance(other, UnixStream)
        if other.backlog is None or other.shutdown_read:
            raise LinuxError(Errno.ECONNREFUSED)
        if len(other.waiting) > other.backlog:
            self.wait(call, 0, self.send_timeout, "room for a connection", queue=other._room)
        if self.connected or self.listening:
            raise LinuxError(Errno.EISCONN if self.connected else Errno.EINVAL)
        end = UnixStream(self.network, self.kind, 0)
        end.bound, end.receive_buffer, end.send_buffer = other.bound, other.receive_buffer, other.send_buffer
        end.options = dict(other.options)
        end.accepted = False
        self.join(end)
        end.peer_credentials, self.peer_credentials = Credentials(call.process.pid, 0, 0), other.peer_credentials
        other.waiting.append(end)
        other.announce(call.cpu, POLLIN | POLLRDNORM)

    def join(self, other: UnixStream) -> None:
        """Make two sockets the ends of one connection."""
        self.peer, other.peer = other, self
        self.connected = other.connected = True

    def accept(self, call: Caller) -> UnixStream:
        if self.backlog is None or (self.shutdown_read and not self.waiting):
            raise LinuxError(Errno.EINVAL)
        if not self.waiting:
            self.wait(call, 0, self.receive_timeout, "a connection")
        end = self.waiting.pop(0)
        end.accepted = True
        self.network.scheduler.wake_all(call.cpu, self._room)
        return end

    def peer_address(self) -> bytes:
        if self.peer is None and self._remote:
            return self._remote
        return super().peer_address()

    def shutdown(self, call: Caller, how: int) -> None:
        self._mark_shutdown(how)
        if self.peer is not None:
            self.peer.shutdown_write |= how != SHUT_WR
            self.peer.shutdown_read |= how != SHUT_RD
            self.peer.announce(call.cpu)
        self.announce(call.cpu)
        self.network.scheduler.wake_all(call.cpu, self._room)

    # -- sending ------------------------------------------------------------------------------------------------

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        """Linux: unix_stream_sendmsg, unix_seqpacket_sendmsg."""
        self.refuse_urgent(message.flags)
        if self.kind is SockType.SEQPACKET:
            return self._send_packet(call, buffer, message)
        if message.address:
            raise LinuxError(Errno.EISCONN if self.connected else Errno.EOPNOTSUPP)
        if not self.connected:
            raise LinuxError(Errno.ENOTCONN)
        done = call.pending.progress
        buffer.skip(done)
        if done:
            message.files = []
        if self.shutdown_write:
            return done or self.broken(call, message.flags)
        while buffer.size:
            peer = self._receiver()
            if peer is None:
                return done or self.broken(call, message.flags)
            if self.charged >= self.send_buffer:
                return self.wait_for_room(call, done, message.flags)
            wanted = min(buffer.size, PIECE, max(1, self.send_buffer // 2 - 64))
            data = buffer.gather(wanted)
            if len(data) < wanted:
                return faulted(done)
            self._put(call, peer, data, true_size(wanted, LINEAR), message)
            message.files = []
            buffer.skip(wanted)
            done += wanted
        return done

    def _send_packet(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        self.raise_error()
        if not self.connected:
            raise LinuxError(Errno.ENOTCONN)
        if buffer.size > self.send_buffer - 32:
            raise LinuxError(Errno.EMSGSIZE)
        data = buffer.gather(buffer.size)
        if len(data) < buffer.size:
            faulted(0)
        peer = self._receiver()
        if peer is None:
            raise LinuxError(Errno.EPIPE)
        if self.charged >= self.send_buffer:
            self.wait(call, message.flags, self.send_timeout, "room in a socket")
        self._put(call, peer, data, true_size(len(data), LINEAR_PACKET), message)
        return len(data)

    def _receiver(self) -> UnixStream | None:
        """The other end, if it can receive."""
        if self.shutdown_write or self.peer is None or self.peer.shutdown_read:
            return None
        return self.peer

    # -- receiving ----------------------------------------------------------------------------------------------

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        stream = self.kind is SockType.STREAM
        if not stream and not self.connected:
            raise LinuxError(Errno.ENOTCONN)
        self.refuse_urgent(flags)
        if not self.connected:
            raise LinuxError(Errno.EINVAL)
        if not stream:
            return self._receive_one(call, buffer, flags)
        done = call.pending.progress
        buffer.skip(done)
        if not buffer.size:
            return Received(done, done)
        least = max(1, self.options.get((SOL_SOCKET, SO_RCVLOWAT), 1))
        wanted = buffer.size if flags & MSG_WAITALL else min(buffer.size, least)
        taken = self._take(call, buffer, flags) if self.inbox else Received(0, 0)
        taken.count += done
        taken.length = taken.count
        if taken.count - done >= wanted or taken.files or (flags & MSG_PEEK and taken.count):
            return taken
        try:
            self._check_end(call, flags, taken.count)
        except LinuxError:
            if not taken.count:
                raise
        return taken

    def _receive_one(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        if self.inbox:
            return self._receive_packet(call, buffer, flags)
        self._check_end(call, flags, 0)
        return Received(0, 0)

    def _check_end(self, call: Caller, flags: int, done: int) -> None:
        """Nothing is left: wait, unless the stream has ended. Raises LinuxError ECONNRESET, EAGAIN, Blocked."""
        if not done:
            self.raise_error()
        if self.shutdown_read or self.peer is None or self.error is not None:
            return
        call.pending.progress = done
        self.wait(call, flags, self.receive_timeout, "data in a socket")

    def _take(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """Receive from several messages at once, but none after one with files or before one of another sender."""
        pieces: list[Message] = []
        first = self.inbox[0]
        room, available = buffer.size, 0
        for message in self.inbox:
            if pieces and self.passes_credentials and message.credentials != first.credentials:
                break
            pieces.append(message)
            available += len(message.data)
            if message.files or available >= room:
                break
        wanted = min(room, available)
        if buffer.room(wanted) < wanted:
            faulted(0)
        data = b"".join(message.data for message in pieces)[:wanted]
        buffer.scatter(data)
        received = Received(wanted, wanted, self._files_for(pieces[-1], flags), first.sender)
        received.credentials = self._credentials_of(first)
        if not flags & MSG_PEEK:
            buffer.skip(wanted)
            self._drop_front(call.cpu, wanted)
        return received

    def _drop_front(self, cpu: Cpu, count: int) -> None:
        while count:
            first = self.inbox[0]
            used = min(count, len(first.data))
            del first.data[:used]
            count -= used
            if first.data:
                return
            self._drop_first(cpu)

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Linux: unix_poll."""
        if self.listening:
            return (POLLIN | POLLRDNORM if self.waiting else 0) | (POLLRDHUP if self.shutdown_read else 0)
        bits = super().poll() | (POLLERR if self.error is not None else 0)
        if not self.connected or (self.shutdown_read and self.shutdown_write):
            bits |= POLLHUP
        if self.shutdown_read:
            bits |= POLLRDHUP | POLLIN | POLLRDNORM
        return bits

    def messages(self) -> list[Message]:
        return self.inbox + [message for end in self.waiting for message in end.inbox]

    def close(self, cpu: Cpu) -> None:
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer, peer._remote = None, self.own_address()
            if self.inbox or not self.accepted:
                peer.error = Errno.ECONNRESET
            peer.shutdown_read = peer.shutdown_write = True
            peer.announce(cpu)
        while self.waiting:
            self.waiting.pop(0).close(cpu)
        self.network.scheduler.wake_all(cpu, self._room)
        self.backlog = None
        super().close(cpu)
