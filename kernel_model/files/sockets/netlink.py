"""AF_NETLINK sockets (net/netlink/af_netlink.c): requests to the kernel, which answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.netlink import AF_NETLINK, NETLINK_ROUTE, SOCKADDR_NL
from kernel_model.abi.socket import MSG_OOB, MSG_PEEK, MSG_TRUNC, SockType
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM, Errno, LinuxError
from kernel_model.files.file import faulted
from kernel_model.files.sockets import rtnetlink
from kernel_model.files.sockets.memory import LINEAR_PACKET, true_size
from kernel_model.files.sockets.message import Message, Received
from kernel_model.files.sockets.socket import Socket

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.message import Outgoing
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu

_KERNEL: Final = SOCKADDR_NL.pack(AF_NETLINK, 0, 0, 0)
_FIRST_PORT: Final = (1 << 32) - 4096  # of sockets of a process that has one with its own number already
_FAMILY_SIZE: Final = 2


class NetlinkSocket(Socket):
    """A socket of NETLINK_ROUTE. `port`: its address (0: none yet); `held`: bytes of its receive buffer in use."""

    protocol = NETLINK_ROUTE

    def __init__(self, network: Network, kind: SockType, flags: int) -> None:
        super().__init__(network, AF_NETLINK, kind, flags)
        self.port, self.groups = 0, 0
        self.inbox: list[Message] = []
        self.held = 0
        self._target = 0  # port that connect chose

    # -- addresses ----------------------------------------------------------------------------------------------

    def bind(self, call: Caller, address: bytes) -> None:
        """Raises LinuxError EINVAL, EADDRINUSE."""
        port, groups = _parse(address)
        if self.port and port != self.port:
            raise LinuxError(Errno.EINVAL)
        if not self.port:
            self._take_port(call, port)
        self.groups = groups

    def _take_port(self, call: Caller, wanted: int = 0) -> None:
        """The port `wanted`; 0: the process's number, or another free one. Raises LinuxError EADDRINUSE."""
        ports = self.network.netlink
        if wanted in ports:
            raise LinuxError(Errno.EADDRINUSE)
        port = wanted or call.process.pid
        if port in ports:
            port = next(number for number in range(_FIRST_PORT, 0, -1) if number not in ports)
        ports[port] = self
        self.port = port

    def connect(self, call: Caller, address: bytes) -> None:
        """Raises LinuxError EINVAL."""
        self._target = _parse(address)[0]
        if not self.port:
            self._take_port(call)

    def own_address(self) -> bytes:
        return SOCKADDR_NL.pack(AF_NETLINK, 0, self.port, self.groups)

    def peer_address(self) -> bytes:
        return SOCKADDR_NL.pack(AF_NETLINK, 0, self._target, 0)

    # -- messages -----------------------------------------------------------------------------------------------

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        """Raises LinuxError EOPNOTSUPP, ECONNREFUSED, EMSGSIZE, EINVAL, ENOBUFS."""
        if message.flags & MSG_OOB:
            raise LinuxError(Errno.EOPNOTSUPP)
        target = _parse(message.address)[0] if message.address else self._target
        if not self.port:
            self._take_port(call)
        if buffer.size > self.send_buffer - 32:
            raise LinuxError(Errno.EMSGSIZE)
        if target:
            raise LinuxError(Errno.ECONNREFUSED)
        data = buffer.gather(buffer.size)
        if len(data) < buffer.size:
            faulted(0)
        for kind, flags, sequence, request in rtnetlink.requests(data):
            for datagram in rtnetlink.answer(kind, flags, sequence, request, self.port):
                self.deliver(call.cpu, datagram)
        return len(data)

    def deliver(self, cpu: Cpu, data: bytes) -> None:
        """A datagram of the kernel arrives; a full receive buffer is ENOBUFS for the next receive."""
        size = true_size(len(data), LINEAR_PACKET)
        if self.held and self.held + size > self.receive_buffer:
            self.error = Errno.ENOBUFS
        else:
            self.network.memory.take(size)
            self.held += size
            self.inbox.append(Message(bytearray(data), charged=size, sender=_KERNEL))
        self.announce(cpu, POLLIN | POLLRDNORM)

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """Raises LinuxError EOPNOTSUPP, ENOBUFS, EAGAIN, EFAULT; Blocked."""
        if flags & MSG_OOB:
            raise LinuxError(Errno.EOPNOTSUPP)
        self.raise_error()
        if not self.inbox:
            self.wait(call, flags, self.receive_timeout, "a message of the kernel")
        message = self.inbox[0]
        length, stored = len(message.data), message.store(buffer)
        if not flags & MSG_PEEK:
            self._drop_first()
        truncated = MSG_TRUNC if stored < length else 0
        return Received(stored, length, [], message.sender, truncated)

    def _drop_first(self) -> None:
        message = self.inbox.pop(0)
        self.held -= message.charged
        self.network.memory.give_back(message.charged)

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Linux: datagram_poll."""
        return POLLOUT | POLLWRNORM | POLLWRBAND | (POLLIN | POLLRDNORM if self.inbox else 0)

    def close(self, cpu: Cpu) -> None:
        while self.inbox:
            self._drop_first()
        if self.network.netlink.get(self.port) is self:
            del self.network.netlink[self.port]
        super().close(cpu)


def _parse(address: bytes) -> tuple[int, int]:
    """Port and groups of a struct sockaddr_nl. Raises LinuxError EINVAL."""
    if len(address) < SOCKADDR_NL.size or int.from_bytes(address[:_FAMILY_SIZE], "little") != AF_NETLINK:
        raise LinuxError(Errno.EINVAL)
    _, _, port, groups = SOCKADDR_NL.unpack_from(address)
    return port, groups
