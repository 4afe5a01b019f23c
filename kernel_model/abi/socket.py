"""Linux ABI numbers of sockets (include/linux/socket.h, net.h; asm-generic/socket.h)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

AF_UNIX: Final = 1
AF_MAX: Final = 46
SOCK_NONBLOCK: Final = 0o4000
SOCK_CLOEXEC: Final = 0o2000000
SOCK_TYPE_MASK: Final = 0xF
SOL_SOCKET: Final = 1
SCM_RIGHTS: Final = 1
SO_TYPE: Final = 3
SO_ERROR: Final = 4
SO_SNDBUF: Final = 7
SO_RCVBUF: Final = 8
SO_PEERCRED: Final = 17
SO_ACCEPTCONN: Final = 30
SO_PROTOCOL: Final = 38
SO_DOMAIN: Final = 39
SHUT_RD, SHUT_WR, SHUT_RDWR = range(3)
MSG_CTRUNC: Final = 0x8
MSG_PEEK: Final = 0x2
MSG_TRUNC: Final = 0x20
MSG_DONTWAIT: Final = 0x40
MSG_EOR: Final = 0x80
MSG_WAITALL: Final = 0x100
MSG_NOSIGNAL: Final = 0x4000
MSG_CMSG_CLOEXEC: Final = 0x40000000
SCM_MAX_FD: Final = 253


class SockType(IntEnum):
    STREAM = 1
    DGRAM = 2
    RAW = 3
    SEQPACKET = 5
