"""UDP over lo (net/ipv4/udp.c, net/ipv6/udp.c): datagrams arrive at once, or are dropped where the receiver is full."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import FIONREAD
from kernel_model.abi.inet import (
    IP_PKTINFO,
    IP_RECVERR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPPROTO_UDP,
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    IPV6_RECVTCLASS,
    IPV6_TCLASS,
    IPV6_UNICAST_HOPS,
    LOOPBACK_INDEX,
)
from kernel_model.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    SIOCOUTQ,
    SO_BROADCAST,
    SOL_SOCKET,
    SockType,
)
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
from kernel_model.files.sockets.addresses import (
    ANY4,
    Endpoint,
    destination,
    family_of,
    is_broadcast,
    pack,
    parse,
    source_for,
)
from kernel_model.files.sockets.inet import InetSocket
from kernel_model.files.sockets.memory import datagram_size
from kernel_model.files.sockets.message import Message, Received

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.message import Outgoing
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.sockets.ports import Ports
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu

_DATA_MAX: Final = {AF_INET: 65_507, AF_INET6: 65_527}  # bytes of a datagram
_HEADER: Final = {  # field -> the option it comes from, and that one's default
    (IPPROTO_IP, IP_TTL): ((IPPROTO_IP, IP_TTL), 64),
    (IPPROTO_IP, IP_TOS): ((IPPROTO_IP, IP_TOS), 0),
    (IPPROTO_IPV6, IPV6_HOPLIMIT): ((IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64),
    (IPPROTO_IPV6, IPV6_TCLASS): ((IPPROTO_IPV6, IPV6_TCLASS), 0),
}
_READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND


class UdpSocket(InetSocket):
    """`held`: bytes of its receive buffer in use."""

    protocol = IPPROTO_UDP

    def __init__(self, network: Network, family: int, flags: int) -> None:
        super().__init__(network, family, SockType.DGRAM, flags)
        self.inbox: list[Message] = []
        self.held = 0

    @property
    def ports(self) -> Ports:
        return self.network.udp

    # -- connections --------------------------------------------------------------------------------------------

    def connect(self, call: Caller, address: bytes) -> None:
        """Send to and hear one address only; AF_UNSPEC undoes it. Raises LinuxError ENETUNREACH, EACCES."""
        if family_of(address) == AF_UNSPEC:
            self.remote = None
            self.local = Endpoint(self.bound_ip, self.held_port)
            if not self.bound_port:
                self.release_port()
                self.local = Endpoint(self.bound_ip, 0)
            return
        target = self._route(self._parse(address))
        self.bind_automatically(call)
        self.local = Endpoint(source_for(target.ip) if self.local.is_any else self.local.ip, self.held_port)
        self.remote = target

    def _parse(self, address: bytes) -> Endpoint:
        """An address to send to; IPv6 sockets take those of AF_INET, too."""
        family = self.family
        if family == AF_INET6 and family_of(address) == AF_INET:
            family = AF_INET
        elif family == AF_INET and family_of(address) == AF_UNSPEC:
            address = AF_INET.to_bytes(2, "little") + address[2:]
        endpoint = parse(family, address)
        if len(endpoint.ip) < len(self.any) and not self.hears_both:
            raise LinuxError(Errno.ENETUNREACH)
        return endpoint

    def _route(self, endpoint: Endpoint) -> Endpoint:
        """Where datagrams to `endpoint` arrive. Raises LinuxError ENETUNREACH, EACCES."""
        ip = destination(endpoint.ip)
        if is_broadcast(ip) and not self.options.get((SOL_SOCKET, SO_BROADCAST)):
            raise LinuxError(Errno.EACCES)
        return Endpoint(ip, endpoint.port)

    def shutdown(self, call: Caller, how: int) -> None:
        """Raises LinuxError ENOTCONN, but wakes the threads that wait, as on Linux."""
        self._mark_shutdown(how)
        self.announce(call.cpu)
        if self.remote is None:
            raise LinuxError(Errno.ENOTCONN)

    # -- messages -----------------------------------------------------------------------------------------------

    def send(self, call: Caller, buffer: UserBuffer, message: Outgoing) -> int:
        """Linux: udp_sendmsg, udpv6_sendmsg."""
        if buffer.size > _DATA_MAX[self.family]:
            raise LinuxError(Errno.EMSGSIZE)
        if message.flags & MSG_OOB:
            raise LinuxError(Errno.EOPNOTSUPP)
        address = message.address
        if address and self.family == AF_INET6 and family_of(address) == AF_UNSPEC:
            address = b""
        if address:
            target = self._parse(address)
            if not target.port:
                raise LinuxError(Errno.EINVAL)
            target = self._route(target)
        elif self.remote is not None:
            target = self.remote
        else:
            raise LinuxError(Errno.EDESTADDRREQ)
        self.bind_automatically(call)
        self.raise_error()
        if self.shutdown_write:
            raise LinuxError(Errno.EPIPE)
        data = buffer.gather(buffer.size)
        if len(data) < buffer.size:
            faulted(0)
        own = Endpoint(source_for(target.ip) if self.local.is_any else self.local.ip, self.local.port)
        receiver = self.ports.receiver(target, own)
        if isinstance(receiver, UdpSocket):
            receiver.deliver(call, data, own, target, self, self._header_of(message))
        elif target == self.remote or self.options.get((IPPROTO_IP, IP_RECVERR)):
            self.error = Errno.ECONNREFUSED
            self.announce(call.cpu, POLLERR)
        return len(data)

    def _header_of(self, message: Outgoing) -> dict[tuple[int, int], int]:
        """The fields of the IP header: control messages of this datagram, else options of the socket."""
        return {
            field: message.header.get(field, self.options.get(option, default))
            for field, (option, default) in _HEADER.items()
        }

    def deliver(
        self, call: Caller, data: bytes, source: Endpoint, target: Endpoint, sender: UdpSocket,
        header: dict[tuple[int, int], int],
    ) -> None:  # fmt: skip
        """A datagram arrives; it is dropped if the receive buffer is full. Raises LinuxError ENOBUFS."""
        size = datagram_size(len(data))
        if self.held and self.held + size > self.receive_buffer:
            return
        self.network.memory.take(size)
        self.held += size
        time = call.cpu.profile.to_ns(call.cpu.clock)
        message = Message(bytearray(data), [], size, sender, pack(self.family, source), target.ip)
        message.time, message.header = time, header
        self.inbox.append(message)
        self.announce(call.cpu, _READABLE)

    def receive(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """Linux: udp_recvmsg."""
        if flags & MSG_ERRQUEUE:
            raise LinuxError(Errno.EAGAIN)
        self.raise_error()
        if not self.inbox:
            if self.shutdown_read and not (self.nonblocking or flags & MSG_DONTWAIT):
                return Received(0, 0)
            self.wait(call, flags, self.receive_timeout, "a datagram")
        message = self.inbox[0]
        length, wanted = len(message.data), message.store(buffer)
        if not flags & MSG_PEEK:
            self._drop_first()
        truncated = MSG_TRUNC if wanted < length else 0
        return Received(
            wanted, length, [], message.sender, truncated, control=self._control(message), time=message.time
        )

    def _drop_first(self) -> None:
        message = self.inbox.pop(0)
        self.held -= message.charged
        self.network.memory.give_back(message.charged)

    def _control(self, message: Message) -> list[tuple[int, int, bytes]]:
        """The control messages that options ask for (ip_cmsg_recv, ip6_datagram_recv_ctl)."""
        control, six = [], len(message.to) > len(ANY4)
        if self.options.get((IPPROTO_IP, IP_PKTINFO)) and not six:
            control.append((IPPROTO_IP, IP_PKTINFO, struct.pack("<i", LOOPBACK_INDEX) + message.to * 2))
        if self.options.get((IPPROTO_IP, IP_RECVTTL)) and not six:
            control.append((IPPROTO_IP, IP_TTL, struct.pack("<i", message.header[IPPROTO_IP, IP_TTL])))
        if self.options.get((IPPROTO_IP, IP_RECVTOS)) and not six:
            control.append((IPPROTO_IP, IP_TOS, bytes((message.header[IPPROTO_IP, IP_TOS],))))
        if self.options.get((IPPROTO_IPV6, IPV6_RECVPKTINFO)):
            ip = pack(AF_INET6, Endpoint(message.to, 0))[8:24]
            control.append((IPPROTO_IPV6, IPV6_PKTINFO, ip + struct.pack("<i", LOOPBACK_INDEX)))
        for option, kind in ((IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT), (IPV6_RECVTCLASS, IPV6_TCLASS)):
            if self.options.get((IPPROTO_IPV6, option)) and six:
                control.append((IPPROTO_IPV6, kind, struct.pack("<i", message.header[IPPROTO_IPV6, kind])))
        return control

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Linux: datagram_poll."""
        bits = _WRITABLE | (POLLERR if self.error is not None else 0)
        if self.shutdown_read:
            bits |= _READABLE | POLLRDHUP | (POLLHUP if self.shutdown_write else 0)
        return bits | (_READABLE if self.inbox else 0)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request not in (FIONREAD, SIOCOUTQ):
            return super().ioctl(call, request, argument)
        first = len(self.inbox[0].data) if self.inbox else 0
        call.memory.write_u32(argument, first if request == FIONREAD else 0)
        return 0

    def close(self, cpu: Cpu) -> None:
        while self.inbox:
            self._drop_first()
        super().close(cpu)
