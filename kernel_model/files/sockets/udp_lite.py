"""UDP-Lite over lo (RFC 3828; net/ipv4/udplite.c): UDP whose checksum may cover only the first bytes of a datagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.inet import IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, UDPLITE_SEND_CSCOV
from kernel_model.files.sockets.udp import UdpSocket

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.addresses import Endpoint
    from kernel_model.files.sockets.ports import Ports

_HEADER_SIZE: Final = 8  # bytes, which the checksum always covers
_COVERAGE_MAX: Final = 0xFFFF
_SEND: Final = (IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV)
_RECEIVE: Final = (IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV)


class UdpLiteSocket(UdpSocket):
    """Its ports are not those of UDP."""

    protocol = IPPROTO_UDPLITE

    @property
    def ports(self) -> Ports:
        return self.network.udp_lite

    def deliver(
        self, call: Caller, data: bytes, source: Endpoint, target: Endpoint, sender: UdpSocket,
        header: dict[tuple[int, int], int],
    ) -> None:  # fmt: skip
        """A datagram arrives; one whose checksum covers less than UDPLITE_RECV_CSCOV asks for is dropped."""
        length = _HEADER_SIZE + len(data)
        covered = sender.options.get(_SEND, 0)
        partial = 0 < covered < length
        asked = self.options.get(_RECEIVE)
        if not (partial and asked is not None and (not asked or covered < asked)):
            super().deliver(call, data, source, target, sender, header)


def coverage_option(value: int) -> int:
    """The bytes that UDPLITE_SEND_CSCOV or UDPLITE_RECV_CSCOV of `value` mean: 0 is all of them."""
    return min(max(value, _HEADER_SIZE), _COVERAGE_MAX) if value else 0
