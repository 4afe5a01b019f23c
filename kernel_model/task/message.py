"""A thread's sleep in msgsnd or msgrcv (ipc/msg.c: struct msg_receiver)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kernel_model.abi.uapi import Errno


class Message(NamedTuple):
    type: int
    data: bytes


@dataclass(slots=True)
class MessageWait:
    """What a receiver accepts, and how its wait ended: with a message that it got, or with an error."""

    type: int = 0
    flags: int = 0
    size: int = 0
    received: Message | None = None
    sending: Message | None = None  # of a thread that waits for room in a POSIX queue
    error: Errno | None = None
