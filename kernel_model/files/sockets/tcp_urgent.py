"""TCP's urgent byte (MSG_OOB, net/ipv4/tcp.c): the last one sent waits at a mark in the stream."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_model.abi.socket import MSG_OOB, MSG_PEEK, SO_OOBINLINE, SOL_SOCKET
from kernel_model.abi.uapi import Errno, LinuxError


@dataclass(slots=True)
class Urgent:
    """`at`: the byte's position in the inbox."""

    at: int
    read: bool = False


def is_inline(options: dict[tuple[int, int], int]) -> bool:
    return bool(options.get((SOL_SOCKET, SO_OOBINLINE)))


def check(urgent: Urgent | None, options: dict[tuple[int, int], int], flags: int) -> bool:
    """Whether a receive with `flags` takes the urgent byte. Raises LinuxError EINVAL: there is none to take."""
    if not flags & MSG_OOB:
        return False
    if is_inline(options) or urgent is None or urgent.read:
        raise LinuxError(Errno.EINVAL)
    urgent.read = not flags & MSG_PEEK
    return True
