"""What NETLINK_ROUTE answers (net/core/rtnetlink.c, net/ipv4/devinet.c, net/ipv6/addrconf.c): lo, and its addresses."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from kernel_model.abi import netlink as nl
from kernel_model.abi.inet import LOOPBACK_INDEX, LOOPBACK_MTU
from kernel_model.abi.socket import AF_INET, AF_INET6, AF_UNSPEC
from kernel_model.abi.uapi import Errno
from kernel_model.files.sockets.addresses import LOOPBACK4, LOOPBACK6

_ALIGN: Final = 4  # NLMSG_ALIGNTO, RTA_ALIGNTO
_LO: Final = b"lo\0"
_FOREVER: Final = 0xFFFF_FFFF  # seconds that an address is valid
_STATS_SIZE, _STATS64_SIZE = 96, 200  # bytes of struct rtnl_link_stats and rtnl_link_stats64
_DUMPS: Final = {nl.RTM_GETLINK: nl.RTM_NEWLINK, nl.RTM_GETADDR: nl.RTM_NEWADDR}


def requests(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of a datagram to the kernel (netlink_rcv_skb): type, flags, sequence number, the whole message."""
    at = 0
    while len(data) - at >= nl.NLMSGHDR.size:
        length, kind, flags, sequence, _ = nl.NLMSGHDR.unpack_from(data, at)
        if not nl.NLMSGHDR.size <= length <= len(data) - at:
            return
        yield kind, flags, sequence, data[at : at + length]
        at += _padded(length)


def answer(kind: int, flags: int, sequence: int, request: bytes, port: int) -> list[bytes]:
    """The datagrams that answer one request."""
    if not flags & nl.NLM_F_REQUEST or kind < nl.NLMSG_MIN_TYPE:
        return [_error(0, sequence, request, port)] if flags & nl.NLM_F_ACK else []
    body = request[nl.NLMSGHDR.size :]
    if kind in _DUMPS and flags & nl.NLM_F_DUMP == nl.NLM_F_DUMP and body:
        parts = list(_links() if kind == nl.RTM_GETLINK else _addresses(body[0]))
        found = b"".join(_message(_DUMPS[kind], nl.NLM_F_MULTI, sequence, port, part) for part in parts)
        done = _message(nl.NLMSG_DONE, nl.NLM_F_MULTI, sequence, port, struct.pack("<i", 0))
        return [found, done] if found else [done]
    if kind == nl.RTM_GETLINK and len(body) >= nl.IFINFOMSG.size:
        index = nl.IFINFOMSG.unpack_from(body)[3]
        if index == LOOPBACK_INDEX or _wanted_name(body[nl.IFINFOMSG.size :]) == _LO[:-1]:
            links = [_message(nl.RTM_NEWLINK, 0, sequence, port, part) for part in _links()]
            return [*links, _error(0, sequence, request, port)] if flags & nl.NLM_F_ACK else links
        return [_error(Errno.ENODEV if index > 0 else Errno.EINVAL, sequence, request, port)]
    return [_error(Errno.EOPNOTSUPP, sequence, request, port)]


def _wanted_name(attributes: bytes) -> bytes | None:
    """IFLA_IFNAME of a request."""
    at = 0
    while len(attributes) - at >= nl.RTATTR.size:
        length, kind = nl.RTATTR.unpack_from(attributes, at)
        if not nl.RTATTR.size <= length <= len(attributes) - at:
            return None
        if kind == nl.IFLA_IFNAME:
            return attributes[at + nl.RTATTR.size : at + length].split(b"\0")[0]
        at += _padded(length)
    return None


def _links() -> Iterator[bytes]:
    head = nl.IFINFOMSG.pack(AF_UNSPEC, 0, nl.ARPHRD_LOOPBACK, LOOPBACK_INDEX, nl.IFF_LOOPBACK_UP, 0)
    hardware = bytes(6)
    yield head + _attributes(
        {
            nl.IFLA_IFNAME: _LO, nl.IFLA_TXQLEN: _word(1000), nl.IFLA_OPERSTATE: b"\0", nl.IFLA_LINKMODE: b"\0",
            nl.IFLA_MTU: _word(LOOPBACK_MTU), nl.IFLA_GROUP: _word(0), nl.IFLA_PROMISCUITY: _word(0),
            nl.IFLA_NUM_TX_QUEUES: _word(1), nl.IFLA_NUM_RX_QUEUES: _word(1), nl.IFLA_CARRIER: b"\1",
            nl.IFLA_ADDRESS: hardware, nl.IFLA_BROADCAST: hardware,
            nl.IFLA_STATS64: bytes(_STATS64_SIZE), nl.IFLA_STATS: bytes(_STATS_SIZE),
            nl.IFLA_QDISC: b"noqueue\0",
        }
    )  # fmt: skip


def _addresses(family: int) -> Iterator[bytes]:
    valid = struct.pack("<4I", _FOREVER, _FOREVER, 0, 0)
    flags = _word(nl.IFA_F_PERMANENT)
    if family in (AF_UNSPEC, AF_INET):
        yield nl.IFADDRMSG.pack(AF_INET, 8, nl.IFA_F_PERMANENT, nl.RT_SCOPE_HOST, LOOPBACK_INDEX) + _attributes(
            {
                nl.IFA_ADDRESS: LOOPBACK4, nl.IFA_LOCAL: LOOPBACK4, nl.IFA_LABEL: _LO, nl.IFA_FLAGS: flags,
                nl.IFA_CACHEINFO: valid,
            }
        )  # fmt: skip
    if family in (AF_UNSPEC, AF_INET6):
        yield nl.IFADDRMSG.pack(AF_INET6, 128, nl.IFA_F_PERMANENT, nl.RT_SCOPE_HOST, LOOPBACK_INDEX) + _attributes(
            {nl.IFA_ADDRESS: LOOPBACK6, nl.IFA_CACHEINFO: valid, nl.IFA_FLAGS: flags}
        )


def _attributes(values: dict[int, bytes]) -> bytes:
    rows = ((nl.RTATTR.pack(nl.RTATTR.size + len(value), kind) + value) for kind, value in values.items())
    return b"".join(row.ljust(_padded(len(row)), b"\0") for row in rows)


def _message(kind: int, flags: int, sequence: int, port: int, body: bytes) -> bytes:
    whole = nl.NLMSGHDR.pack(nl.NLMSGHDR.size + len(body), kind, flags, sequence, port) + body
    return whole.ljust(_padded(len(whole)), b"\0")


def _error(errno: int, sequence: int, request: bytes, port: int) -> bytes:
    """NLMSG_ERROR: the request comes back, or its head when all is well."""
    flags = 0 if errno else nl.NLM_F_CAPPED
    back = request if errno else request[: nl.NLMSGHDR.size]
    return _message(nl.NLMSG_ERROR, flags, sequence, port, struct.pack("<i", -errno) + back)


def _word(value: int) -> bytes:
    return struct.pack("<I", value)


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
