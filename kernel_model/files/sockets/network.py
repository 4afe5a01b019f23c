"""The machine's network, which ends at lo: what its sockets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.files.sockets.in_flight import InFlight
from kernel_model.files.sockets.memory import SocketMemory
from kernel_model.files.sockets.ports import Ports
from kernel_model.files.sockets.unix_names import UnixNames

if TYPE_CHECKING:
    from kernel_model.files.sockets.netlink import NetlinkSocket
    from kernel_model.time.timers import TimedWaker


class Network:
    """`ram`: bytes of the machine's RAM, which bound what sockets hold."""

    def __init__(self, scheduler: TimedWaker, ram: int) -> None:
        self.scheduler = scheduler
        self.memory = SocketMemory(ram)
        self.in_flight = InFlight()
        self.names = UnixNames()
        self.tcp = Ports()
        self.udp = Ports()
        self.udp_lite = Ports()
        self.netlink: dict[int, NetlinkSocket] = {}  # by port
        self._cookies = 0

    def next_cookie(self) -> int:
        """A number that no other socket has (SO_COOKIE)."""
        self._cookies += 1
        return self._cookies
