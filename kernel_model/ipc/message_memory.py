"""The memory that waiting messages take: it is bounded by the machine's RAM."""

from __future__ import annotations

from kernel_model.abi.uapi import Errno, LinuxError


class MessageMemory:
    """Bytes of all messages that wait, of both kinds of queues."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def check(self, size: int) -> None:
        """Raises LinuxError ENOMEM when there is no room for `size` more bytes."""
        if self.used + size > self.limit:
            raise LinuxError(Errno.ENOMEM)

    def take(self, size: int) -> None:
        self.used += size

    def give(self, size: int) -> None:
        self.used -= size
