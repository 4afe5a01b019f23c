"""Internet addresses: struct sockaddr_in and sockaddr_in6, and where lo leads (net/ipv4, net/ipv6)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from kernel_model.abi.socket import AF_INET, AF_INET6, AF_UNSPEC
from kernel_model.abi.uapi import Errno, LinuxError

ANY4: Final = bytes(4)
ANY6: Final = bytes(16)
LOOPBACK4: Final = bytes((127, 0, 0, 1))
LOOPBACK6: Final = bytes(15) + b"\1"
BROADCAST4: Final = b"\xff" * 4
_MAPPED: Final = bytes(10) + b"\xff\xff"  # prefix of an IPv4 address written as an IPv6 one
_IN_SIZE: Final = 16  # struct sockaddr_in
_IN6_SIZE: Final = 28  # struct sockaddr_in6
_IN6_OLD_SIZE: Final = 24  # ... without its scope
_LO4_NETWORK: Final = 127
_MULTICAST4: Final = range(224, 240)
_MULTICAST6: Final = 0xFF
_LINK_LOCAL: Final = b"\xfe\x80"


class Endpoint(NamedTuple):
    """An address of 4 bytes (IPv4) or 16 (IPv6), and a port. IPv4 addresses of IPv6 sockets have 4 bytes, too."""

    ip: bytes
    port: int

    @property
    def is_any(self) -> bool:
        return self.ip in (ANY4, ANY6)


NOWHERE: Final = Endpoint(ANY4, 0)


def pack(family: int, endpoint: Endpoint) -> bytes:
    """The struct sockaddr of an endpoint, for a socket of `family`."""
    if family == AF_INET:
        return struct.pack("<H", AF_INET) + endpoint.port.to_bytes(2, "big") + endpoint.ip + bytes(8)
    ip = endpoint.ip if len(endpoint.ip) == len(ANY6) else _MAPPED + endpoint.ip
    return struct.pack("<H", AF_INET6) + endpoint.port.to_bytes(2, "big") + bytes(4) + ip + bytes(4)


def family_of(address: bytes) -> int:
    """sa_family. Raises LinuxError EINVAL."""
    if len(address) < struct.calcsize("<H"):
        raise LinuxError(Errno.EINVAL)
    return int.from_bytes(address[:2], "little")


def parse(family: int, address: bytes) -> Endpoint:
    """The endpoint in a struct sockaddr of `family`. Raises LinuxError EINVAL, EAFNOSUPPORT."""
    if len(address) < (_IN_SIZE if family == AF_INET else _IN6_OLD_SIZE):
        raise LinuxError(Errno.EINVAL)
    if family_of(address) != family:
        raise LinuxError(Errno.EAFNOSUPPORT)
    port = int.from_bytes(address[2:4], "big")
    ip = address[4:8] if family == AF_INET else address[8:24]
    return Endpoint(ip[len(_MAPPED) :] if ip.startswith(_MAPPED) else ip, port)


def parse_own(family: int, address: bytes) -> Endpoint:
    """The endpoint that bind is given: IPv4's 0.0.0.0 may have the family AF_UNSPEC."""
    if family == AF_INET and len(address) >= _IN_SIZE and family_of(address) == AF_UNSPEC and address[4:8] == ANY4:
        address = struct.pack("<H", AF_INET) + address[2:]
    return parse(family, address)


def is_local(ip: bytes) -> bool:
    """Whether a socket may be bound to `ip`: an address of lo, any, or a broadcast or multicast address of IPv4."""
    if len(ip) == len(ANY4):
        return ip in (ANY4, BROADCAST4) or ip[0] == _LO4_NETWORK or ip[0] in _MULTICAST4
    return ip in (ANY6, LOOPBACK6)


def is_multicast(ip: bytes) -> bool:
    return ip[0] in _MULTICAST4 if len(ip) == len(ANY4) else ip[0] == _MULTICAST6


def is_broadcast(ip: bytes) -> bool:
    return ip == BROADCAST4 or (len(ip) == len(ANY4) and ip[0] == _LO4_NETWORK and ip[1:] == BROADCAST4[1:])


def destination(ip: bytes) -> bytes:
    """Where packets to `ip` arrive: an unspecified address is lo's.

    Raises LinuxError ENETUNREACH, EINVAL for an IPv6 address of a link that is not named.
    """
    if ip == ANY4:
        return LOOPBACK4
    if ip == ANY6:
        return LOOPBACK6
    if ip == LOOPBACK6 or (len(ip) == len(ANY4) and ip[0] == _LO4_NETWORK):
        return ip
    raise LinuxError(Errno.EINVAL if ip.startswith(_LINK_LOCAL) else Errno.ENETUNREACH)


def source_for(ip: bytes) -> bytes:
    """The address that a socket without one sends from to `ip`."""
    return LOOPBACK4 if len(ip) == len(ANY4) else LOOPBACK6
