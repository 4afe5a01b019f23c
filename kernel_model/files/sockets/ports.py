"""Port numbers of one protocol: the sockets bound to them, and which of these a packet is for (net/ipv4/udp.c).

Linux: net/ipv4/inet_connection_sock.c, inet_hashtables.c.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.sockets.addresses import ANY4, ANY6, Endpoint

if TYPE_CHECKING:
    from kernel_model.files.sockets.inet import InetSocket

_LOW: Final = 32_768  # net.ipv4.ip_local_port_range
_HIGH: Final = 60_999
_TIME_WAIT_MAX: Final = 4096  # remembered connections; Linux: tcp_max_tw_buckets


class Claim(NamedTuple):
    """What a socket claims of a port. `both`: an IPv6 socket that hears IPv4, too."""

    ip: bytes
    both: bool
    reuse_address: bool
    reuse_port: bool

    def overlaps(self, other: Claim) -> bool:
        """Whether a packet could be for both (Linux: inet_rcv_saddr_equal)."""
        if len(self.ip) == len(other.ip):
            return self.ip == other.ip or ANY4 in (self.ip, other.ip) or ANY6 in (self.ip, other.ip)
        wide = self if len(self.ip) == len(ANY6) else other
        return wide.ip == ANY6 and wide.both


@dataclass(frozen=True, slots=True)
class _TimeWait:
    """A closed connection that still holds its port. `until`: cycles."""

    port: int
    claim: Claim
    until: int


class Ports:
    """`connections`: sockets by their own and the other end."""

    def __init__(self) -> None:
        self.connections: dict[tuple[Endpoint, Endpoint], InetSocket] = {}
        self._listeners: dict[int, list[InetSocket]] = {}
        self._bound: dict[int, dict[InetSocket, None]] = {}
        self._time_wait: deque[_TimeWait] = deque()
        self._held: dict[int, int] = {}  # port -> connections in TIME_WAIT
        self._next_bound = _LOW + 1
        self._next_connected = _LOW

    # -- binding ------------------------------------------------------------------------------------------------

    def choose(self, sock: InetSocket, endpoint: Endpoint, now: int) -> int:
        """The endpoint's port, or a free one for port 0. Raises LinuxError EADDRINUSE."""
        if endpoint.port and self.in_conflict(sock, endpoint, now):
            raise LinuxError(Errno.EADDRINUSE)
        return endpoint.port or self._free(now, connecting=False)

    def add(self, sock: InetSocket, port: int) -> None:
        self._bound.setdefault(port, {})[sock] = None

    def remove(self, sock: InetSocket, port: int) -> None:
        sockets = self._bound[port]
        del sockets[sock]
        if not sockets:
            del self._bound[port]

    def for_connection(self, now: int) -> int:
        """A free port for a socket that connects or sends without one. Raises LinuxError EADDRNOTAVAIL."""
        try:
            return self._free(now, connecting=True)
        except LinuxError:
            raise LinuxError(Errno.EADDRNOTAVAIL) from None

    def _free(self, now: int, *, connecting: bool) -> int:
        """The next free port: even ones for connections, odd ones for bind, and the others when those are used up."""
        self._forget(now)
        start = self._next_connected if connecting else self._next_bound
        count = (_HIGH + 1 - _LOW) // 2
        for first in (start, start ^ 1):
            for i in range(count):
                port = _LOW + (first - _LOW + 2 * i) % (2 * count)
                if port not in self._bound and port not in self._held:
                    if connecting:
                        self._next_connected = _LOW + (port + 2 - _LOW) % (2 * count)
                    else:
                        self._next_bound = _LOW + (port + 2 - _LOW) % (2 * count)
                    return port
        raise LinuxError(Errno.EADDRINUSE)

    def in_conflict(self, sock: InetSocket, endpoint: Endpoint, now: int) -> bool:
        """Whether another socket's claim excludes `sock` at `endpoint` (inet_csk_bind_conflict)."""
        claim = sock.claim_of(endpoint.ip)
        for other in self._bound.get(endpoint.port, ()):
            theirs = other.claim_of(other.local.ip)
            shared = (claim.reuse_address and theirs.reuse_address and not other.listening) or (
                claim.reuse_port and theirs.reuse_port
            )
            if other is not sock and not shared and claim.overlaps(theirs):
                return True
        self._forget(now)
        return endpoint.port in self._held and any(
            entry.port == endpoint.port
            and not (claim.reuse_address and entry.claim.reuse_address)
            and claim.overlaps(entry.claim)
            for entry in self._time_wait
        )

    # -- TIME_WAIT ----------------------------------------------------------------------------------------------

    def wait_out(self, port: int, claim: Claim, until: int) -> None:
        """The connection is over, but its port stays taken until then."""
        if len(self._time_wait) < _TIME_WAIT_MAX:
            self._time_wait.append(_TimeWait(port, claim, until))
            self._held[port] = self._held.get(port, 0) + 1

    def _forget(self, now: int) -> None:
        while self._time_wait and self._time_wait[0].until <= now:
            port = self._time_wait.popleft().port
            self._held[port] -= 1
            if not self._held[port]:
                del self._held[port]

    # -- looking up ---------------------------------------------------------------------------------------------

    def hear(self, sock: InetSocket) -> None:
        """The socket listens for connections to its port."""
        self._listeners.setdefault(sock.held_port, []).append(sock)

    def unhear(self, sock: InetSocket) -> None:
        sockets = self._listeners[sock.held_port]
        sockets.remove(sock)
        if not sockets:
            del self._listeners[sock.held_port]

    def all(self) -> list[InetSocket]:
        """The sockets with a port, oldest first."""
        bound = {sock for sockets in self._bound.values() for sock in sockets}
        return sorted(bound | set(self.connections.values()), key=lambda sock: sock.cookie)

    def listener(self, to: Endpoint, sender_port: int) -> InetSocket | None:
        """The socket that listens at `to` (__inet_lookup_listener)."""
        return _best(self._listeners.get(to.port, []), to, sender_port)

    def receiver(self, to: Endpoint, sender: Endpoint) -> InetSocket | None:
        """The socket that receives datagrams at `to` from `sender` (__udp4_lib_lookup): one connected to it first."""
        sockets = [sock for sock in self._bound.get(to.port, ()) if sock.remote in (None, sender)]
        connected = [sock for sock in sockets if sock.remote is not None]
        return _best(connected, to, sender.port) or _best(sockets, to, sender.port)


def _best(sockets: list[InetSocket], to: Endpoint, sender_port: int) -> InetSocket | None:
    """The socket that fits an address best; of equal ones the youngest, or one by the sender with SO_REUSEPORT."""
    ranked = [(_fit(sock, to.ip), sock) for sock in sockets]
    best = max((fit for fit, _ in ranked), default=0)
    if not best:
        return None
    found = [sock for fit, sock in ranked if fit == best]
    return found[sender_port // 2 % len(found)] if found[-1].claim_of(to.ip).reuse_port else found[-1]


def _fit(sock: InetSocket, ip: bytes) -> int:
    """How well the socket's address fits: 3 exactly, 2 any address of the family, 1 any at all, 0 not."""
    own = sock.local.ip
    if own == ip:
        return 3
    if len(own) == len(ip):
        return 2 if own in (ANY4, ANY6) else 0
    return 1 if own == ANY6 and sock.hears_both else 0
