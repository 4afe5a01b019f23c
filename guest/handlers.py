"""The choices of guest/asm/paging.s: how a handler learns of a fault, and which page it evicts."""

from __future__ import annotations

from enum import Enum


class Handler(Enum):
    """How a userfaultfd handler learns of a fault (paging.s: handler_kind)."""

    READ = "read"  # another thread, blocking read
    POLL = "poll"  # another thread, poll and then read
    BUSY = "busy"  # another thread, non-blocking read again and again
    SIGBUS = "sigbus"  # the faulting thread, by a signal

    @property
    def argument(self) -> str:
        return str(list(Handler).index(self))


class Eviction(Enum):
    """Which page is evicted when the budget is full (paging.s: policy)."""

    FIFO = "fifo"
    CLOCK = "clock"

    @property
    def argument(self) -> str:
        return str(list(Eviction).index(self))
