"""AF_UNIX datagrams (net/unix/af_unix.c): a socket holds eleven messages of senders that it is not connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.socket import AF_UNSPEC, MSG_DONTWAIT, SockType
from kernel_model.abi.uapi import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
    Errno,
    LinuxError,
)
from kernel_model.files.file import faulted
from kernel_model.files.sockets.memory import LINEAR_PACKET, true_size
from kernel_model.files.sockets.message import Outgoing, Received
from kernel_model.files.sockets.unix import UnixSocket
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.message import Message
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu

_QUEUE_MAX: Final = 10  # net.unix.max_dgram_qlen
_WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND


class UnixDatagram(UnixSocket):
    """`senders`: the sockets that are connected to this one."""

    peer: UnixDatagram | None

    def __init__(self, network: Network, flags: int) -> None:
        super().__init__(network, SockType.DGRAM, flags)
        self.senders: dict[UnixDatagram, None] = {}
        self.closed = False
        self._room = WaitQueue("room for a datagram")

    # -- connections --------------------------------------------------------------------------------------------

    def connect(self, call: Caller, address: bytes) -> None:
        """AF_UNSPEC disconnects. Raises LinuxError EPERM: the other socket is connected elsewhere."""
        if len(address) >= 2 and int.from_bytes(address[:2], "little") == AF_UNSPEC:
            self.join(call.cpu, None)
            return
        self._name_for_credentials()
        other = self.find(call, address)
        assert isinstance(other, UnixDatagram)
        self._check(other)
        self.join(call.cpu, other)

    def _check(self, other: UnixDatagram) -> None:
        """Linux: unix_may_send. Raises LinuxError EPERM."""
        if other.peer is not None and other.peer is not self:
            raise LinuxError(Errno.EPERM)

    def join(self, cpu: Cpu, other: UnixDatagram | None) -> None:
        """Connect to `other`, or to none. What came from the earlier peer is lost."""
        old, self.peer = self.peer, other
        if other is not None:
            other.senders[self] = None
        if old is None or old is other:
            return
        old.senders.pop(self, None)
        self._lose(cpu, old)
        self.announce(cpu, _WRITABLE)

    def _lose(self, cpu: Cpu, old: UnixDatagram) -> None:
        """Linux: unix_dgram_disconnected."""
        if not self.inbox:
            return
        files = self.take_files()
        while self.inbox:
            self._drop_first(cpu)
        self.network.in_flight.abandon(cpu, files)
        if not old.closed and old.peer is self:
            old.error = Errno.ECONNRESET
            old.announce(cpu)

    def shutdown(self, call: Caller, how: int) -> None:
        self._mark_shutdown(how)
        self.announce(call.cpu)
        self.network.scheduler.wake_all(call.cpu, self._room)

    # -- messages -----------------------------------------------------------------------------------------------

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        """Linux: unix_dgram_sendmsg."""
        self.refuse_urgent(message.flags)
        if not message.address and self.peer is None:
            raise LinuxError(Errno.ENOTCONN)
        self._name_for_credentials()
        if buffer.size > self.send_buffer - 32:
            raise LinuxError(Errno.EMSGSIZE)
        self.raise_error()
        if self.shutdown_write:
            raise LinuxError(Errno.EPIPE)
        data = buffer.gather(buffer.size)
        if len(data) < buffer.size:
            faulted(0)
        if self.charged >= self.send_buffer:
            self.wait(call, message.flags, self.send_timeout, "room in a socket")
        other = self._receiver(call, message.address)
        if other.full and other.peer is not self:
            self.wait(call, message.flags, self.send_timeout, "room for a datagram", queue=other._room)
        self._put(call, other, data, true_size(len(data), LINEAR_PACKET), message)
        return len(data)

    def _receiver(self, call: Caller, address: bytes) -> UnixDatagram:
        """Where a message goes. Raises LinuxError ECONNREFUSED, EPERM, EPIPE."""
        other = self.find(call, address) if address else self.peer
        assert isinstance(other, UnixDatagram)
        if other.closed:
            self.join(call.cpu, None)
            raise LinuxError(Errno.ECONNREFUSED)
        self._check(other)
        if other.shutdown_read:
            raise LinuxError(Errno.EPIPE)
        return other

    @property
    def full(self) -> bool:
        return len(self.inbox) > _QUEUE_MAX

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        self.refuse_urgent(flags)
        self.raise_error()
        if self.inbox:
            return self._receive_packet(call, buffer, flags)
        if self.shutdown_read and not (self.nonblocking or flags & MSG_DONTWAIT):
            return Received(0, 0)
        self.wait(call, flags, self.receive_timeout, "data in a socket")

    def _uncharge(self, cpu: Cpu, message: Message) -> None:
        super()._uncharge(cpu, message)
        if len(self.inbox) == _QUEUE_MAX:
            self._made_room(cpu)

    def _made_room(self, cpu: Cpu) -> None:
        self.network.scheduler.wake_all(cpu, self._room)
        for sender in [*self.senders]:
            sender.announce(cpu, _WRITABLE)

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Linux: unix_dgram_poll."""
        bits = super().poll() | (POLLERR if self.error is not None else 0)
        if self.shutdown_read and self.shutdown_write:
            bits |= POLLHUP
        if self.shutdown_read:
            bits |= POLLRDHUP | POLLIN | POLLRDNORM
        if self.peer is not None and self.peer.peer is not self and self.peer.full:
            bits &= ~_WRITABLE
        return bits

    def close(self, cpu: Cpu) -> None:
        self.closed = True
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.senders.pop(self, None)
            if peer.peer is self:
                peer.announce(cpu)
        super().close(cpu)
        self._made_room(cpu)
