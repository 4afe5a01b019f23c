"""What travels through sockets: messages, and what send and receive are told and answer besides the bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kernel_model.files.file import faulted

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.sockets.socket import Socket
    from kernel_model.files.user_buffer import UserBuffer


class Credentials(NamedTuple):
    """struct ucred."""

    pid: int
    uid: int
    gid: int


NO_CREDENTIALS = Credentials(0, -1, -1)  # SO_PEERCRED of a socket that has no peer
UNKNOWN = Credentials(0, 65_534, 65_534)  # of a message that was sent before its receiver asked for credentials


@dataclass(slots=True)
class Outgoing:
    """What a send is told: MSG_* flags, the address to send to (b"": the connected one), and its control messages."""

    flags: int = 0
    address: bytes = b""
    files: list[File] = field(default_factory=list)
    credentials: Credentials | None = None
    header: dict[tuple[int, int], int] = field(default_factory=dict)  # IP header fields, by level and type


@dataclass(slots=True, eq=False)
class Message:
    """One sent message. `source`: the socket whose buffer it fills; `sender`: that one's address, as it was then.

    `to`: the address it was sent to, of datagrams of the internet.
    """

    data: bytearray
    files: list[File] = field(default_factory=list)
    charged: int = 0  # bytes of buffer space
    source: Socket | None = None
    sender: bytes = b""
    to: bytes = b""
    credentials: Credentials | None = None
    time: int = 0  # virtual nanoseconds since reset
    header: dict[tuple[int, int], int] = field(default_factory=dict)  # IP header fields, by level and type

    def store(self, buffer: UserBuffer) -> int:
        """Store as much of a packet as the buffer takes; the bytes stored. Raises LinuxError EFAULT."""
        wanted = min(buffer.size, len(self.data))
        if buffer.room(wanted) < wanted:
            faulted(0)
        buffer.scatter(bytes(self.data[:wanted]))
        return wanted


@dataclass(slots=True)
class Received:
    """The result of one receive. `files` belong to the caller, with a reference each. `flags`: MSG_* to report."""

    count: int
    length: int  # of the whole packet
    files: list[File] = field(default_factory=list)
    address: bytes = b""
    flags: int = 0
    credentials: Credentials | None = None
    control: list[tuple[int, int, bytes]] = field(default_factory=list)  # level, type, data
    time: int | None = None  # when it was sent, in virtual nanoseconds since reset; None: unknown
