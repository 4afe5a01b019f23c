"""Names of AF_UNIX sockets (net/unix/af_unix.c): struct sockaddr_un, and the table of abstract names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.socket import AF_UNIX, SockType
from kernel_model.abi.uapi import Errno, LinuxError

if TYPE_CHECKING:
    from kernel_model.files.sockets.unix import UnixSocket

FAMILY: Final = AF_UNIX.to_bytes(2, "little")  # the address of a socket without a name
_ADDRESS_MAX: Final = 110  # bytes of struct sockaddr_un
_AUTOMATIC: Final = 1 << 20  # names that bind without a name chooses among


def parse_name(address: bytes) -> bytes:
    """The name in a struct sockaddr_un: a path without its NUL, or b"\\0" and an abstract name; b"": none.

    Raises LinuxError EINVAL.
    """
    if not len(FAMILY) <= len(address) <= _ADDRESS_MAX or not address.startswith(FAMILY):
        raise LinuxError(Errno.EINVAL)
    name = address[len(FAMILY) :]
    return name if name.startswith(b"\0") else name.split(b"\0")[0]


def address_of(name: bytes) -> bytes:
    """The struct sockaddr_un of a name, as getsockname returns it."""
    return FAMILY + name + (b"\0" if name and not name.startswith(b"\0") else b"")


class UnixNames:
    """Sockets by abstract name; each type of socket has names of its own."""

    def __init__(self) -> None:
        self._abstract: dict[tuple[SockType, bytes], UnixSocket] = {}
        self._next = 0

    def bind(self, name: bytes, sock: UnixSocket) -> None:
        """Raises LinuxError EADDRINUSE."""
        if (sock.kind, name) in self._abstract:
            raise LinuxError(Errno.EADDRINUSE)
        self._abstract[sock.kind, name] = sock

    def bind_automatically(self, sock: UnixSocket) -> bytes:
        """Bind to a free name of five digits. Raises LinuxError ENOSPC."""
        for _ in range(_AUTOMATIC):
            name = b"\0%05x" % self._next
            self._next = (self._next + 1) % _AUTOMATIC
            if (sock.kind, name) not in self._abstract:
                self._abstract[sock.kind, name] = sock
                return name
        raise LinuxError(Errno.ENOSPC)

    def find(self, kind: SockType, name: bytes) -> UnixSocket | None:
        return self._abstract.get((kind, name))

    def free(self, kind: SockType, name: bytes) -> None:
        del self._abstract[kind, name]
