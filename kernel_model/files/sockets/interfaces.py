"""ioctls about network interfaces (net/core/dev_ioctl.c, net/ipv4/devinet.c): the machine has lo alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.inet import LOOPBACK_INDEX, LOOPBACK_MTU
from kernel_model.abi.netlink import ARPHRD_LOOPBACK
from kernel_model.abi.socket import (
    AF_INET,
    SIOCGIFADDR,
    SIOCGIFBRDADDR,
    SIOCGIFCONF,
    SIOCGIFFLAGS,
    SIOCGIFHWADDR,
    SIOCGIFINDEX,
    SIOCGIFMETRIC,
    SIOCGIFMTU,
    SIOCGIFNAME,
    SIOCGIFNETMASK,
    SIOCGIFTXQLEN,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.sockets.addresses import ANY4, LOOPBACK4, Endpoint, pack

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_NAME_SIZE: Final = 16  # IFNAMSIZ
_REQUEST_SIZE: Final = 40  # struct ifreq
_LO: Final = b"lo"
_FLAGS: Final = 0x49  # IFF_UP | IFF_LOOPBACK | IFF_RUNNING
_QUEUE_LENGTH: Final = 1000
_ANSWERS: Final[dict[int, bytes]] = {
    SIOCGIFFLAGS: struct.pack("<H", _FLAGS),
    SIOCGIFADDR: pack(AF_INET, Endpoint(LOOPBACK4, 0)),
    SIOCGIFBRDADDR: pack(AF_INET, Endpoint(ANY4, 0)),
    SIOCGIFNETMASK: pack(AF_INET, Endpoint(bytes((255, 0, 0, 0)), 0)),
    SIOCGIFMETRIC: struct.pack("<i", 0),
    SIOCGIFMTU: struct.pack("<i", LOOPBACK_MTU),
    SIOCGIFHWADDR: struct.pack("<H", ARPHRD_LOOPBACK) + bytes(14),
    SIOCGIFINDEX: struct.pack("<i", LOOPBACK_INDEX),
    SIOCGIFTXQLEN: struct.pack("<i", _QUEUE_LENGTH),
}


def ioctl(call: Caller, request: int, argument: int) -> int:
    """SIOCGIF*. Raises LinuxError ENODEV, ENOTTY, EFAULT."""
    memory = call.memory
    if request == SIOCGIFCONF:
        return _list(call, argument)
    if request == SIOCGIFNAME:
        if memory.read_u32(argument + _NAME_SIZE) != LOOPBACK_INDEX:
            raise LinuxError(Errno.ENODEV)
        memory.write(argument, _LO.ljust(_NAME_SIZE, b"\0"))
        return 0
    if request not in _ANSWERS:
        raise LinuxError(Errno.ENOTTY)
    if memory.read(argument, _NAME_SIZE).split(b"\0")[0] != _LO:
        raise LinuxError(Errno.ENODEV)
    memory.write(argument + _NAME_SIZE, _ANSWERS[request])
    return 0


def _list(call: Caller, argument: int) -> int:
    """SIOCGIFCONF: struct ifconf at `argument`; without a buffer, the size it needs."""
    size, _, buffer = struct.unpack("<iiQ", call.memory.read(argument, 16))
    written = 0 if buffer and size < _REQUEST_SIZE else _REQUEST_SIZE
    if buffer and written:
        entry = _LO.ljust(_NAME_SIZE, b"\0") + pack(AF_INET, Endpoint(LOOPBACK4, 0))
        call.memory.write(buffer, entry.ljust(_REQUEST_SIZE, b"\0"))
    call.memory.write(argument, struct.pack("<i", written))
    return 0
