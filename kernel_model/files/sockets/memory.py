"""Buffer space of sockets in the sizes of Linux's socket buffers, and its limit for all sockets together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError
from pffemu.arch.paging import pages_up

DEFAULT_BUFFER: Final = 212_992  # net.core.wmem_default, rmem_default
_HEADER: Final = 256  # bytes of struct sk_buff
_SHARED_INFO: Final = 320  # bytes behind its data
LINEAR: Final = 4096 - _SHARED_INFO  # bytes of a stream's piece beside its pages
LINEAR_PACKET: Final = 4 * 4096 - _SHARED_INFO  # ... and of a packet
PIECE: Final = LINEAR + 32_768  # bytes of a stream that travel together at most
_DATAGRAM_HEADERS: Final = 60  # of lo, IP and UDP
_SMALL_HEAD: Final = 576  # bytes of skbuff_small_head
_FILES_MIN: Final = 8192  # NR_FILE
_BYTES_A_FILE: Final = 10 * 1024  # of RAM (files_maxfiles_init)
_SHARE: Final = 4  # sockets may hold one byte in so many of the machine's RAM


def true_size(size: int, linear: int) -> int:
    """Buffer space of a message of `size` bytes: at most `linear` of them in its head, the rest in pages."""
    in_pages = min(size, pages_up(size - linear)) if size > linear else 0
    head = (size - in_pages + 63) // 64 * 64 + _SHARED_INFO
    return _HEADER + max(512, 1 << (head - 1).bit_length()) + pages_up(in_pages)


def datagram_size(size: int) -> int:
    """Receive buffer space of a UDP datagram: small ones have heads of one size, large ones their data in pages."""
    whole = (size + _DATAGRAM_HEADERS + 63) // 64 * 64 + _SHARED_INFO
    if whole <= _SMALL_HEAD:
        return _HEADER + _SMALL_HEAD
    if whole > LINEAR_PACKET + _SHARED_INFO:
        return _HEADER + _SMALL_HEAD + size
    return _HEADER + (1 << (whole - 1).bit_length())


@dataclass(slots=True)
class SocketMemory:
    """What all sockets hold together: `used` bytes of buffers, and their number."""

    ram: int
    used: int = 0
    sockets: int = 0

    def take(self, size: int) -> None:
        """Charge a message of `size` bytes. Raises LinuxError ENOBUFS."""
        if self.used + size > self.ram // _SHARE:
            raise LinuxError(Errno.ENOBUFS)
        self.used += size

    def give_back(self, size: int) -> None:
        self.used -= size

    def opened(self) -> None:
        """One more socket. Raises LinuxError ENFILE."""
        if self.sockets >= max(_FILES_MIN, self.ram // _BYTES_A_FILE):
            raise LinuxError(Errno.ENFILE)
        self.sockets += 1

    def closed(self) -> None:
        self.sockets -= 1
