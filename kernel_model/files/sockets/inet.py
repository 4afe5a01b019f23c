"""What sockets of AF_INET and AF_INET6 share: addresses, ports, ioctls (net/ipv4/af_inet.c, net/ipv6/af_inet6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.inet import IP_FREEBIND, IPPROTO_IP, IPPROTO_IPV6, IPV6_V6ONLY
from kernel_model.abi.socket import AF_INET, AF_INET6, SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET, SockType
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.sockets import interfaces
from kernel_model.files.sockets.addresses import ANY4, ANY6, Endpoint, is_local, pack, parse, parse_own
from kernel_model.files.sockets.ports import Claim
from kernel_model.files.sockets.socket import Socket
from kernel_model.task.credentials import CAP_NET_BIND_SERVICE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.sockets.ports import Ports
    from pffemu.hw.cpu import Cpu

_PRIVILEGED: Final = 1024  # net.ipv4.ip_unprivileged_port_start


class InetSocket(Socket):
    """`local` is its own end, `remote` the other one; None: it is not connected. `held_port`: 0, it has none.

    `bound_ip`: the address that bind gave it; `bound_port`: whether bind gave it a port.
    """

    def __init__(self, network: Network, family: int, kind: SockType, flags: int) -> None:
        super().__init__(network, family, kind, flags)
        self.any = ANY4 if family == AF_INET else ANY6
        self.local = Endpoint(self.any, 0)
        self.remote: Endpoint | None = None
        self.bound_ip = self.any
        self.bound_port = False
        self.held_port = 0

    @property
    def ports(self) -> Ports:
        """The ports of its protocol."""
        raise NotImplementedError

    @property
    def hears_both(self) -> bool:
        """An IPv6 socket that is not restricted to IPv6."""
        return self.family == AF_INET6 and not self.options.get((IPPROTO_IPV6, IPV6_V6ONLY))

    def claim_of(self, ip: bytes) -> Claim:
        """What the socket claims of a port at its address `ip`."""
        reuse = bool(self.options.get((SOL_SOCKET, SO_REUSEADDR)))
        return Claim(ip, self.hears_both, reuse, bool(self.options.get((SOL_SOCKET, SO_REUSEPORT))))

    def bind(self, call: Caller, address: bytes) -> None:
        """Raises LinuxError EINVAL, EAFNOSUPPORT, EADDRNOTAVAIL, EACCES, EADDRINUSE."""
        endpoint = parse_own(self.family, address)
        if len(endpoint.ip) < len(self.any) and not self.hears_both:
            raise LinuxError(Errno.EINVAL)
        if not is_local(endpoint.ip) and not self.options.get((IPPROTO_IP, IP_FREEBIND)):
            raise LinuxError(Errno.EADDRNOTAVAIL)
        if 0 < endpoint.port < _PRIVILEGED and not call.task.credentials.has(CAP_NET_BIND_SERVICE):
            raise LinuxError(Errno.EACCES)
        if self.held_port or not self.may_bind:
            raise LinuxError(Errno.EINVAL)
        self.bind_to(call, endpoint)
        self.bound_ip, self.bound_port = endpoint.ip, bool(endpoint.port)

    @property
    def may_bind(self) -> bool:
        return True

    def bind_to(self, call: Caller, endpoint: Endpoint) -> None:
        """Take the endpoint's port, or a free one for port 0. Raises LinuxError EADDRINUSE."""
        port = self.ports.choose(self, endpoint, call.cpu.clock)
        self.hold_port(port)
        self.local = Endpoint(endpoint.ip, port)

    def bind_automatically(self, call: Caller) -> None:
        """Take a free port, for a socket that sends or connects without one. Raises LinuxError EADDRNOTAVAIL."""
        if not self.held_port:
            self.hold_port(self.ports.for_connection(call.cpu.clock))
            self.local = Endpoint(self.local.ip, self.held_port)

    def hold_port(self, port: int) -> None:
        self.held_port = port
        self.ports.add(self, port)

    def release_port(self) -> None:
        """Give the port back; `local` still names it."""
        if self.held_port:
            self.ports.remove(self, self.held_port)
            self.held_port = 0

    def target(self, address: bytes) -> Endpoint:
        """The endpoint of connect or sendto. Raises LinuxError EINVAL, EAFNOSUPPORT, ENETUNREACH."""
        endpoint = parse(self.family, address)
        if len(endpoint.ip) < len(self.any) and not self.hears_both:
            raise LinuxError(Errno.ENETUNREACH)
        return endpoint

    def own_address(self) -> bytes:
        return pack(self.family, self.local)

    def peer_address(self) -> bytes:
        if self.remote is None:
            raise LinuxError(Errno.ENOTCONN)
        return pack(self.family, self.remote)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        return interfaces.ioctl(call, request, argument)

    def close(self, cpu: Cpu) -> None:
        self.release_port()
        super().close(cpu)
