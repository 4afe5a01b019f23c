"""socket, socketpair, and calls about addresses and connections (net/socket.c)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.inet import IPPROTO_IP, IPPROTO_MAX, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from kernel_model.abi.netlink import AF_NETLINK, MAX_LINKS, NETLINK_ROUTE
from kernel_model.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_MAX,
    AF_UNIX,
    AF_UNSPEC,
    SOCK_CLOEXEC,
    SOCK_MAX,
    SOCK_NONBLOCK,
    SOCK_TYPE_MASK,
    SockType,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.fd import install_pair, new_pair
from kernel_model.calls.socket_address import bring_in_address, read_address, socket_of, write_address
from kernel_model.files.sockets.message import Credentials
from kernel_model.files.sockets.netlink import NetlinkSocket
from kernel_model.files.sockets.socket import Socket
from kernel_model.files.sockets.tcp import TcpSocket
from kernel_model.files.sockets.udp import UdpSocket
from kernel_model.files.sockets.udp_lite import UdpLiteSocket
from kernel_model.files.sockets.unix_datagram import UnixDatagram
from kernel_model.files.sockets.unix_stream import UnixStream
from pffemu.hw.page_walk import WRITE

_FLAGS: Final = SOCK_CLOEXEC | SOCK_NONBLOCK
_INET: Final = (AF_INET, AF_INET6)


def socket(call: Call, family: int, kind: int, protocol: int) -> int:
    """AF_UNIX, INET, INET6, NETLINK. Errors: EINVAL, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE, ENFILE."""
    if kind & 0xFFFF_FFFF & ~SOCK_TYPE_MASK & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    fd = call.new_fd()
    sock = _create(call, as_int(family), kind, as_int(protocol))
    return call.process.files.install(fd, sock, bool(kind & SOCK_CLOEXEC))


def _create(call: Call, family: int, kind: int, protocol: int) -> Socket:
    """Linux: __sock_create."""
    number, flags, network = kind & SOCK_TYPE_MASK, kind & SOCK_NONBLOCK, call.kernel.network
    if not 0 <= family < AF_MAX:
        raise LinuxError(Errno.EAFNOSUPPORT)
    if number >= SOCK_MAX:
        raise LinuxError(Errno.EINVAL)
    if family == AF_UNIX:
        return _create_unix(call, number, flags, protocol)
    if family == AF_NETLINK:
        return _create_netlink(call, number, flags, protocol)
    if family not in _INET:
        if family == AF_UNSPEC:
            raise LinuxError(Errno.EAFNOSUPPORT)
        raise call.unsupported(f"socket of family {family}", Errno.EAFNOSUPPORT)
    if not 0 <= protocol < IPPROTO_MAX:
        raise LinuxError(Errno.EINVAL)
    if number == SockType.STREAM and protocol in (IPPROTO_IP, IPPROTO_TCP):
        return TcpSocket(network, family, flags)
    if number == SockType.DGRAM and protocol in (IPPROTO_IP, IPPROTO_UDP):
        return UdpSocket(network, family, flags)
    if number == SockType.DGRAM and protocol == IPPROTO_UDPLITE:
        return UdpLiteSocket(network, family, flags)
    if number in (SockType.STREAM, SockType.DGRAM):
        raise LinuxError(Errno.EPROTONOSUPPORT)
    if number == SockType.RAW and protocol:
        raise call.unsupported(f"raw socket of protocol {protocol}", Errno.EPERM)
    raise LinuxError(Errno.EPROTONOSUPPORT if number == SockType.RAW else Errno.ESOCKTNOSUPPORT)


def _create_netlink(call: Call, number: int, flags: int, protocol: int) -> NetlinkSocket:
    if number not in (SockType.RAW, SockType.DGRAM):
        raise LinuxError(Errno.ESOCKTNOSUPPORT)
    if not 0 <= protocol < MAX_LINKS:
        raise LinuxError(Errno.EPROTONOSUPPORT)
    if protocol != NETLINK_ROUTE:
        raise call.unsupported(f"netlink socket of protocol {protocol}", Errno.EPROTONOSUPPORT)
    return NetlinkSocket(call.kernel.network, SockType(number), flags)


def _create_unix(call: Call, number: int, flags: int, protocol: int) -> UnixStream | UnixDatagram:
    if protocol not in (0, AF_UNIX):
        raise LinuxError(Errno.EPROTONOSUPPORT)
    if number in (SockType.STREAM, SockType.SEQPACKET):
        return UnixStream(call.kernel.network, SockType(number), flags)
    if number in (SockType.DGRAM, SockType.RAW):
        return UnixDatagram(call.kernel.network, flags)
    raise LinuxError(Errno.ESOCKTNOSUPPORT)


def socketpair(call: Call, family: int, kind: int, protocol: int, address: int) -> int:
    """AF_UNIX only. Errors: EINVAL, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EOPNOTSUPP, EFAULT, EMFILE."""
    if kind & 0xFFFF_FFFF & ~SOCK_TYPE_MASK & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    call.memory.parts(address, 8, WRITE)
    first = _create(call, as_int(family), kind, as_int(protocol))
    if first.family != AF_UNIX:
        first.close(call.cpu)
        raise LinuxError(Errno.EOPNOTSUPP)
    try:
        fds = new_pair(call, address)
        second = _create(call, as_int(family), kind, as_int(protocol))
    except LinuxError:
        first.close(call.cpu)
        raise
    if isinstance(first, UnixDatagram) and isinstance(second, UnixDatagram):
        first.join(call.cpu, second)
        second.join(call.cpu, first)
    elif isinstance(first, UnixStream) and isinstance(second, UnixStream):
        first.join(second)
    first.peer_credentials = second.peer_credentials = Credentials(call.process.pid, 0, 0)
    return install_pair(call, fds, (first, second), bool(kind & SOCK_CLOEXEC))


def bind(call: Call, fd: int, address: int, size: int) -> int:
    sock = socket_of(call, fd)
    sock.bind(call, read_address(call, address, size))
    return 0


def listen(call: Call, fd: int, backlog: int) -> int:
    socket_of(call, fd).listen(call, as_int(backlog))
    return 0


def connect(call: Call, fd: int, address: int, size: int) -> int:
    sock = socket_of(call, fd)
    sock.connect(call, read_address(call, address, size))
    return 0


def accept(call: Call, fd: int, address: int, size_at: int) -> int:
    return accept4(call, fd, address, size_at, 0)


def accept4(call: Call, fd: int, address: int, size_at: int, flags: int) -> int:
    """Errors: EINVAL (the socket does not listen), EAGAIN, EOPNOTSUPP, EMFILE, EFAULT."""
    call.file(fd)
    if flags & 0xFFFF_FFFF & ~_FLAGS:
        raise LinuxError(Errno.EINVAL)
    sock = socket_of(call, fd)
    new = call.new_fd()
    if address:
        bring_in_address(call, address, size_at)
    accepted = sock.accept(call)
    accepted.flags |= flags & SOCK_NONBLOCK
    call.process.files.install(new, accepted, bool(flags & SOCK_CLOEXEC))
    if address:
        write_address(call, accepted.accepted_from(), address, size_at)
    return new


def shutdown(call: Call, fd: int, how: int) -> int:
    sock = socket_of(call, fd)
    if not 0 <= as_int(how) <= 2:
        raise LinuxError(Errno.EINVAL)
    sock.shutdown(call, as_int(how))
    return 0


def getsockname(call: Call, fd: int, address: int, size_at: int) -> int:
    write_address(call, socket_of(call, fd).own_address(), address, size_at)
    return 0


def getpeername(call: Call, fd: int, address: int, size_at: int) -> int:
    write_address(call, socket_of(call, fd).peer_address(), address, size_at)
    return 0
