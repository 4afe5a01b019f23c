"""getsockopt and setsockopt (net/core/sock.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import inet as ip
from kernel_model.abi import socket as so
from kernel_model.abi.socket import SOL_SOCKET
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.socket_address import socket_of
from kernel_model.files.sockets import options
from kernel_model.files.sockets.inet import InetSocket
from kernel_model.files.sockets.socket import Socket
from kernel_model.files.sockets.tcp import TcpSocket

_NS: Final = 1_000_000_000
_INT: Final = 4
_TIMEVAL: Final = struct.Struct("<qq")
_LINGER: Final = struct.Struct("<ii")
_TIMEOUTS: Final = {
    so.SO_RCVTIMEO: "receive_timeout", so.SO_RCVTIMEO_NEW: "receive_timeout",
    so.SO_SNDTIMEO: "send_timeout", so.SO_SNDTIMEO_NEW: "send_timeout",
}  # fmt: skip
_NAME_MAX: Final = 16  # IFNAMSIZ
_MEMBERSHIPS: Final = {
    (ip.IPPROTO_IP, ip.IP_ADD_MEMBERSHIP): Errno.ENODEV, (ip.IPPROTO_IP, ip.IP_DROP_MEMBERSHIP): Errno.EADDRNOTAVAIL,
    (ip.IPPROTO_IPV6, ip.IPV6_ADD_MEMBERSHIP): Errno.ENODEV,
    (ip.IPPROTO_IPV6, ip.IPV6_DROP_MEMBERSHIP): Errno.EADDRNOTAVAIL,
}  # fmt: skip
_MEMBERSHIP_SIZES: Final = {ip.IPPROTO_IP: 8, ip.IPPROTO_IPV6: 20}  # struct ip_mreq, ipv6_mreq
_CONGESTION_CONTROL: Final = b"cubic"
_TCP_INFO_SIZE: Final = 256
_BYTE_OPTIONS: Final = (ip.IPPROTO_IP,)  # levels whose values may be read and set as one byte


def getsockopt(call: Call, fd: int, level: int, option: int, address: int, size_at: int) -> int:
    """Errors: EINVAL, ENOPROTOOPT, EOPNOTSUPP, EFAULT."""
    sock, where = socket_of(call, fd), (as_int(level), as_int(option))
    size = as_int(call.memory.read_u32(size_at))
    if size < 0:
        raise LinuxError(Errno.EINVAL)
    data = _special(sock, *where, size)
    if data is None:
        value = options.get(sock, *where)
        if value is None:
            raise call.unsupported(f"getsockopt level {where[0]} option {where[1]}", Errno.ENOPROTOOPT)
        as_byte = where[0] in _BYTE_OPTIONS and 0 < size < _INT and 0 <= value <= 255
        data = bytes((value,)) if as_byte else struct.pack("<i", value)[:size]
    call.memory.write(address, data)
    call.memory.write_u32(size_at, len(data))
    return 0


def _special(sock: Socket, level: int, option: int, size: int) -> bytes | None:
    """Options whose values are not ints."""
    if level == SOL_SOCKET and option in _TIMEOUTS:
        timeout = getattr(sock, _TIMEOUTS[option]) or 0
        return _TIMEVAL.pack(timeout // _NS, timeout % _NS // 1000)[:size]
    if level == SOL_SOCKET and option == so.SO_LINGER:
        return _LINGER.pack(sock.linger is not None, sock.linger or 0)[:size]
    if level == SOL_SOCKET and option == so.SO_PEERCRED:
        return struct.pack("<3i", *sock.peer_credentials)[:size]
    if level == SOL_SOCKET and option == so.SO_COOKIE:
        if size < 8:
            raise LinuxError(Errno.EINVAL)
        return struct.pack("<Q", sock.cookie)
    if level == SOL_SOCKET and option == so.SO_BINDTODEVICE:
        return b""
    if level == ip.IPPROTO_TCP and isinstance(sock, TcpSocket):
        if option == ip.TCP_INFO:
            return bytes((sock.state,)).ljust(_TCP_INFO_SIZE, b"\0")[:size]
        if option == ip.TCP_CONGESTION:
            return _CONGESTION_CONTROL.ljust(_NAME_MAX, b"\0")[:size]
    return None


def setsockopt(call: Call, fd: int, level: int, option: int, address: int, size: int) -> int:
    """Errors: EINVAL, ENOPROTOOPT, EOPNOTSUPP, EDOM, EFAULT."""
    sock, where, count = socket_of(call, fd), (as_int(level), as_int(option)), as_int(size)
    if count < 0:
        raise LinuxError(Errno.EINVAL)
    if _set_special(call, sock, *where, address, count):
        return 0
    if options.is_read_only(*where):
        raise LinuxError(Errno.ENOPROTOOPT)
    options.table_of(sock, where[0], setting=True)
    if count >= _INT:
        value = as_int(call.memory.read_u32(address))
    elif where[0] in _BYTE_OPTIONS and count:
        value = call.memory.read(address, 1)[0]
    else:
        raise LinuxError(Errno.EINVAL)
    if not options.put(sock, *where, value):
        raise call.unsupported(f"setsockopt level {where[0]} option {where[1]}", Errno.ENOPROTOOPT)
    return 0


def _set_special(call: Call, sock: Socket, level: int, option: int, address: int, size: int) -> bool:
    """Set an option whose value is not an int; False: it is none of these."""
    if level == SOL_SOCKET and option in _TIMEOUTS:
        setattr(sock, _TIMEOUTS[option], _read_timeout(call, address, size))
    elif level == SOL_SOCKET and option == so.SO_LINGER:
        if size < _LINGER.size:
            raise LinuxError(Errno.EINVAL)
        on, seconds = _LINGER.unpack(call.memory.read(address, _LINGER.size))
        sock.linger = seconds & 0xFFFF_FFFF if on else None
    elif level == SOL_SOCKET and option == so.SO_BINDTODEVICE:
        if call.memory.read(address, min(size, _NAME_MAX - 1)).split(b"\0")[0] not in (b"", b"lo"):
            raise LinuxError(Errno.ENODEV)
    elif level == SOL_SOCKET and option == so.SO_DETACH_FILTER:
        raise LinuxError(Errno.ENOENT)
    elif (level, option) in _MEMBERSHIPS and isinstance(sock, InetSocket):
        _refuse_membership(call, sock, level, option, size)
    elif level == ip.IPPROTO_TCP and option == ip.TCP_CONGESTION and isinstance(sock, TcpSocket):
        name = call.memory.read(address, min(size, _NAME_MAX - 1)).split(b"\0")[0]
        if name not in (_CONGESTION_CONTROL, b"reno"):
            raise LinuxError(Errno.ENOENT)
    else:
        return False
    return True


def _refuse_membership(call: Call, sock: InetSocket, level: int, option: int, size: int) -> None:
    """No interface has multicast groups. Raises LinuxError."""
    options.table_of(sock, level, setting=True)
    if isinstance(sock, TcpSocket):
        raise LinuxError(Errno.EPROTO if level == ip.IPPROTO_IP else Errno.EINVAL)
    if size < _MEMBERSHIP_SIZES[level]:
        raise LinuxError(Errno.EINVAL)
    raise call.unsupported("multicast", _MEMBERSHIPS[level, option])


def _read_timeout(call: Call, address: int, size: int) -> int | None:
    """SO_RCVTIMEO, SO_SNDTIMEO: nanoseconds; None: none. Raises LinuxError EINVAL, EDOM (microseconds out of range)."""
    if size < _TIMEVAL.size:
        raise LinuxError(Errno.EINVAL)
    seconds, microseconds = _TIMEVAL.unpack(call.memory.read(address, _TIMEVAL.size))
    if not 0 <= microseconds < 1_000_000:
        raise LinuxError(Errno.EDOM)
    if seconds < 0:
        return 1
    return seconds * _NS + microseconds * 1000 or None
