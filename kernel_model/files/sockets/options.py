"""Socket options whose value is an int: defaults, ranges, and where they apply (net/core/sock.c, tcp.c, ip_sockglue.c).

Most have no effect on a network without loss and hops, but are kept and read back as on Linux.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi import inet as ip
from kernel_model.abi import socket as so
from kernel_model.abi.socket import SOL_SOCKET
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.sockets.inet import InetSocket
from kernel_model.files.sockets.tcp import TcpSocket
from kernel_model.files.sockets.udp import UdpSocket
from kernel_model.files.sockets.udp_lite import coverage_option
from kernel_model.files.sockets.unix import UnixSocket

if TYPE_CHECKING:
    from kernel_model.files.sockets.socket import Socket

_INT_MAX: Final = (1 << 31) - 1
_INT_MIN: Final = -(1 << 31)
_BUFFER_MAX: Final = 4_194_304  # net.core.rmem_max, wmem_max
_SEND_MIN: Final = 4608  # SOCK_MIN_SNDBUF
_RECEIVE_MIN: Final = 2304  # SOCK_MIN_RCVBUF
_LOOPBACK_MSS: Final = 32_741
_WINDOW_MIN: Final = 1152  # SOCK_MIN_RCVBUF / 2
_WITHOUT_ECN: Final = 0xFC  # bits of the traffic class that a program may choose for TCP
_RETRIES_MAX: Final = 255
_RETRY_MAX: Final = 120  # seconds
_MULTICAST: Final = {  # what TCP has not
    (ip.IPPROTO_IP, ip.IP_MULTICAST_TTL): Errno.EINVAL, (ip.IPPROTO_IPV6, ip.IPV6_MULTICAST_HOPS): Errno.ENOPROTOOPT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """`low` to `high`: what setsockopt takes (else EINVAL). `truth`: it counts as 0 or 1. `auto`: -1 is the default."""

    default: int = 0
    low: int = _INT_MIN
    high: int = _INT_MAX
    truth: bool = False
    auto: bool = False


_BOOL: Final = Option(truth=True)
_FLAG: Final = Option(low=0, high=1)
_NUMBER: Final = Option()
_SOCKET: Final = {
    so.SO_DEBUG: _BOOL, so.SO_REUSEADDR: _BOOL, so.SO_DONTROUTE: _BOOL, so.SO_BROADCAST: _BOOL, so.SO_KEEPALIVE: _BOOL,
    so.SO_OOBINLINE: _BOOL, so.SO_NO_CHECK: _BOOL, so.SO_PRIORITY: _NUMBER, so.SO_REUSEPORT: _BOOL,
    so.SO_PASSCRED: _BOOL, so.SO_RCVLOWAT: Option(1), so.SO_TIMESTAMP: _BOOL, so.SO_PASSSEC: _BOOL,
    so.SO_TIMESTAMPNS: _BOOL, so.SO_MARK: _NUMBER, so.SO_RXQ_OVFL: _BOOL, so.SO_INCOMING_CPU: Option(-1),
    so.SO_ZEROCOPY: _FLAG, so.SO_BUSY_POLL: Option(low=0),
}  # fmt: skip
_TCP: Final = {
    ip.TCP_NODELAY: _BOOL, ip.TCP_MAXSEG: Option(536, 88, 32_767), ip.TCP_CORK: _BOOL,
    ip.TCP_KEEPIDLE: Option(7200, 1, 32_767), ip.TCP_KEEPINTVL: Option(75, 1, 32_767),
    ip.TCP_KEEPCNT: Option(9, 1, 127), ip.TCP_SYNCNT: Option(6, 1, 127), ip.TCP_LINGER2: Option(60, high=120),
    ip.TCP_DEFER_ACCEPT: Option(low=0), ip.TCP_WINDOW_CLAMP: Option(low=0), ip.TCP_QUICKACK: Option(1, truth=True),
    ip.TCP_USER_TIMEOUT: Option(low=0), ip.TCP_FASTOPEN: Option(low=0), ip.TCP_NOTSENT_LOWAT: _NUMBER,
    ip.TCP_FASTOPEN_CONNECT: _FLAG,
}  # fmt: skip
_IP: Final = {
    ip.IP_TOS: Option(low=0, high=255), ip.IP_TTL: Option(64, 1, 255, auto=True), ip.IP_RECVOPTS: _BOOL,
    ip.IP_RETOPTS: _BOOL, ip.IP_PKTINFO: _BOOL, ip.IP_MTU_DISCOVER: Option(1, 0, 5), ip.IP_RECVERR: _BOOL,
    ip.IP_RECVTTL: _BOOL, ip.IP_RECVTOS: _BOOL, ip.IP_FREEBIND: _BOOL, ip.IP_TRANSPARENT: _BOOL,
    ip.IP_RECVORIGDSTADDR: _BOOL, ip.IP_MINTTL: Option(low=0, high=255), ip.IP_BIND_ADDRESS_NO_PORT: _BOOL,
    ip.IP_MULTICAST_TTL: Option(1, 0, 255, auto=True), ip.IP_MULTICAST_LOOP: Option(1, truth=True),
}  # fmt: skip
_IPV6: Final = {
    ip.IPV6_UNICAST_HOPS: Option(64, 0, 255, auto=True), ip.IPV6_MULTICAST_HOPS: Option(1, 0, 255, auto=True),
    ip.IPV6_MULTICAST_LOOP: Option(1, 0, 1), ip.IPV6_MTU_DISCOVER: Option(1, 0, 5), ip.IPV6_RECVERR: _BOOL,
    ip.IPV6_V6ONLY: _BOOL, ip.IPV6_RECVPKTINFO: _BOOL, ip.IPV6_RECVHOPLIMIT: _BOOL, ip.IPV6_RECVTCLASS: _BOOL,
    ip.IPV6_TCLASS: Option(0, 0, 255, auto=True),
}  # fmt: skip
_UDP_LITE: Final = {ip.UDPLITE_SEND_CSCOV: _NUMBER, ip.UDPLITE_RECV_CSCOV: _NUMBER}  # UDP's are always 0
_UDP_LEVELS: Final = (ip.IPPROTO_UDP, ip.IPPROTO_UDPLITE)
_READ_ONLY: Final = frozenset({
    so.SO_TYPE, so.SO_ERROR, so.SO_ACCEPTCONN, so.SO_PROTOCOL, so.SO_DOMAIN, so.SO_PEERCRED, so.SO_SNDLOWAT,
    so.SO_COOKIE, so.SO_PEERSEC, so.SO_PEERGROUPS, so.SO_BPF_EXTENSIONS,
})  # fmt: skip
_NETWORK_LEVELS: Final = (ip.IPPROTO_IP, ip.IPPROTO_IPV6)


def table_of(sock: Socket, level: int, *, setting: bool) -> dict[int, Option]:
    """The options of `level` that a socket of this kind has. Raises LinuxError EOPNOTSUPP, ENOPROTOOPT."""
    if level == SOL_SOCKET:
        return _SOCKET
    if not isinstance(sock, InetSocket):
        raise LinuxError(Errno.EOPNOTSUPP)
    if level == ip.IPPROTO_TCP and isinstance(sock, TcpSocket):
        return _TCP
    if level in _UDP_LEVELS and isinstance(sock, UdpSocket):
        return _UDP_LITE if sock.protocol == ip.IPPROTO_UDPLITE or not setting else {}
    if level == ip.IPPROTO_IP:
        return _IP
    if level == ip.IPPROTO_IPV6 and sock.family == so.AF_INET6:
        return _IPV6
    raise LinuxError(Errno.ENOPROTOOPT if setting or sock.family == so.AF_INET6 else Errno.EOPNOTSUPP)


def is_read_only(level: int, option: int) -> bool:
    return (level == SOL_SOCKET and option in _READ_ONLY) or (level, option) == (ip.IPPROTO_IP, ip.IP_MTU)


def get(sock: Socket, level: int, option: int) -> int | None:
    """The value of an option; None: it is none of these. Raises LinuxError."""
    found = table_of(sock, level, setting=False).get(option)
    computed = _computed(sock, level, option)
    if computed is not None:
        return computed
    if found is None:
        return None
    _check_family(sock, level, option)
    return sock.options.get((_level_kept(level), option), found.default)


def put(sock: Socket, level: int, option: int, value: int) -> bool:
    """Set an option; False: it is none of these. Raises LinuxError EINVAL, EOPNOTSUPP, ENOPROTOOPT."""
    found = table_of(sock, level, setting=True).get(option)
    if level == SOL_SOCKET and option in (so.SO_SNDBUF, so.SO_SNDBUFFORCE, so.SO_RCVBUF, so.SO_RCVBUFFORCE):
        _set_buffer(sock, option, value)
        return True
    if found is None:
        if level in _UDP_LEVELS and option in _UDP_LITE:
            raise LinuxError(Errno.ENOPROTOOPT)
        return False
    _check_family(sock, level, option, value, setting=True)
    if found.truth:
        value = int(value != 0)
    elif found.auto and value == -1:
        value = found.default
    elif (level, option) == (ip.IPPROTO_IP, ip.IP_TOS):
        value &= _WITHOUT_ECN if isinstance(sock, TcpSocket) else 0xFF
    elif (level, option) == (ip.IPPROTO_TCP, ip.TCP_MAXSEG) and value == 0:
        value = found.default
    elif (level, option) == (ip.IPPROTO_TCP, ip.TCP_LINGER2):
        value = -1 if value < 0 else min(value or found.default, found.high)
    elif (level, option) == (SOL_SOCKET, so.SO_RCVLOWAT):
        value = _INT_MAX if value < 0 else max(1, value)
    elif (level, option) == (ip.IPPROTO_TCP, ip.TCP_DEFER_ACCEPT):
        value = _whole_retries(value)
    elif (level, option) == (ip.IPPROTO_TCP, ip.TCP_WINDOW_CLAMP) and value:
        value = max(_WINDOW_MIN, value)
    elif level in _UDP_LEVELS:
        value = coverage_option(value)
    elif not found.low <= value <= found.high:
        raise LinuxError(Errno.EINVAL)
    if level == SOL_SOCKET and option in (so.SO_TIMESTAMP, so.SO_TIMESTAMPNS):
        sock.options[level, so.SO_TIMESTAMP] = sock.options[level, so.SO_TIMESTAMPNS] = 0
    if (level, option) == (ip.IPPROTO_IPV6, ip.IPV6_TCLASS) and isinstance(sock, TcpSocket):
        value &= _WITHOUT_ECN
    sock.options[_level_kept(level), option] = value
    return True


def _level_kept(level: int) -> int:
    """The level whose options these are: UDP's and UDP-Lite's are one."""
    return ip.IPPROTO_UDPLITE if level == ip.IPPROTO_UDP else level


def _whole_retries(seconds: int) -> int:
    """TCP_DEFER_ACCEPT counts in retries, each twice as long as the last (secs_to_retrans, retrans_to_secs)."""
    period = timeout = 1
    for _ in range(_RETRIES_MAX - 1):
        if seconds <= period:
            break
        timeout = min(2 * timeout, _RETRY_MAX)
        period += timeout
    return period if seconds > 0 else 0


def _check_family(sock: Socket, level: int, option: int, value: int = 0, *, setting: bool = False) -> None:
    """Options that only some kinds of sockets have, or not in every state. Raises LinuxError."""
    if level == SOL_SOCKET:
        unix = isinstance(sock, UnixSocket)
        if option in (so.SO_PASSCRED, so.SO_PASSSEC) and not unix:
            raise LinuxError(Errno.EOPNOTSUPP)
        if unix and ((setting and option == so.SO_ZEROCOPY) or (value and option == so.SO_REUSEPORT)):
            raise LinuxError(Errno.EOPNOTSUPP)
    elif setting and isinstance(sock, TcpSocket) and (level, option) in _MULTICAST:
        raise LinuxError(_MULTICAST[level, option])
    elif level == ip.IPPROTO_IPV6 and option == ip.IPV6_V6ONLY and setting and _has_port(sock):
        raise LinuxError(Errno.EINVAL)


def _has_port(sock: Socket) -> bool:
    return isinstance(sock, InetSocket) and bool(sock.held_port)


def _set_buffer(sock: Socket, option: int, value: int) -> None:
    """SO_SNDBUF, SO_RCVBUF: twice the value, within bounds."""
    forced = option in (so.SO_SNDBUFFORCE, so.SO_RCVBUFFORCE)
    doubled = min(2 * (max(0, value) if forced else min(value & 0xFFFF_FFFF, _BUFFER_MAX)), _INT_MAX)
    if option in (so.SO_SNDBUF, so.SO_SNDBUFFORCE):
        sock.send_buffer = max(_SEND_MIN, doubled)
        sock.options[SOL_SOCKET, so.SO_SNDBUF] = 1
    else:
        sock.receive_buffer = max(_RECEIVE_MIN, doubled)


def _computed(sock: Socket, level: int, option: int) -> int | None:
    """Options that follow from the socket's state."""
    if level == ip.IPPROTO_TCP and option == ip.TCP_MAXSEG and isinstance(sock, TcpSocket) and sock.peer is not None:
        return _LOOPBACK_MSS
    if level in _NETWORK_LEVELS and option == (ip.IP_MTU if level == ip.IPPROTO_IP else ip.IPV6_MTU):
        if isinstance(sock, InetSocket) and sock.remote is not None:
            return ip.LOOPBACK_MTU
        raise LinuxError(Errno.ENOTCONN)
    if level != SOL_SOCKET:
        return None
    if option == so.SO_ERROR:
        return sock.take_error() or 0
    if option == so.SO_SNDLOWAT:
        return 1
    values = {
        so.SO_TYPE: int(sock.kind), so.SO_DOMAIN: sock.family, so.SO_PROTOCOL: sock.protocol,
        so.SO_ACCEPTCONN: int(sock.listening), so.SO_SNDBUF: sock.send_buffer, so.SO_RCVBUF: sock.receive_buffer,
        so.SO_BPF_EXTENSIONS: 64,
    }  # fmt: skip
    return values.get(option)
