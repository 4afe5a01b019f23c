"""Accesses that are refused again and again: a handler returns without the page.

A thread that faults at the same instruction, for the same address and the same reason, while its address space stays as
it is, makes no progress. That may still be a wait for another thread, so only many such faults in a row count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST: Final = 4096  # equal faults in a row, in memory whose faults a mechanism handles
MOST_SIGNALS: Final = 1 << 20  # elsewhere: programs count signals that way, and end by themselves


@dataclass(slots=True)
class Refused:
    """What a thread was refused last, how often in a row, and the page tables' version since when."""

    rip: int
    address: int
    error_code: int
    version: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Stuck:
    """A fault that its handlers do not end."""

    number: int
    tid: int
    rip: int
    address: int
    error_code: int
    times: int


class FaultRepeats:
    """By thread: the last fault."""

    def __init__(self) -> None:
        self._last: dict[int, Refused] = {}

    def count(self, tid: int, rip: int, address: int, error_code: int, version: int) -> int:
        """How many equal faults in a row the thread has had, with this one. `version`: of the page tables."""
        last = self._last.get(tid)
        if last is not None and last.rip == rip and last.address == address and last.version == version:
            last.times = last.times + 1 if last.error_code == error_code else 1
            last.error_code = error_code
            return last.times
        self._last[tid] = Refused(rip, address, error_code, version)
        return 1

    def forget(self, tid: int) -> None:
        """The thread has ended."""
        self._last.pop(tid, None)
