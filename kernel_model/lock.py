"""Locks of the kernel in virtual time: who comes while another core holds one waits until it is released.

A kernel entry runs to its end before the next core's does, although both overlap in virtual time; so a lock remembers
the intervals in which it was held, and a later comer finds the first moment at which it was free. Entries come in the
order of their virtual start (machine.turns), so the last few intervals are enough.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

_REMEMBERED: Final = 64  # intervals: many times what cores can take within one kernel entry of another
_NOBODY: Final = -1


class _Held:
    """When something was held, as [start, end) in cycles."""

    __slots__ = ("_intervals", "_latest")

    def __init__(self) -> None:
        self._intervals: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._latest = 0

    def free_from(self, time: int) -> int:
        """The first moment from `time` on at which it was not held."""
        if time >= self._latest:
            return time
        moved = True
        while moved:
            moved = False
            for start, end in self._intervals:
                if start <= time < end:
                    time, moved = end, True
        return time

    def add(self, start: int, end: int) -> None:
        self._intervals.append((start, end))
        self._latest = max(self._latest, end)


class Lock:
    """A spinlock. `waits`: the timing.catalogue name of waiting for it."""

    __slots__ = ("_held", "_owner", "waits")

    def __init__(self, waits: str) -> None:
        self.waits = waits
        self._held, self._owner = _Held(), _NOBODY

    def acquire(self, cpu: Cpu) -> int:
        """The clock from which `cpu` holds it, for `release`."""
        cpu.wait_until(self._held.free_from(cpu.clock), self.waits)
        since = cpu.clock
        self._take_line(cpu)
        return since

    def release(self, cpu: Cpu, since: int) -> None:
        self._held.add(since, cpu.clock)

    def _take_line(self, cpu: Cpu) -> None:
        cpu.charge("kernel.lock")
        if self._owner != cpu.index:
            if self._owner != _NOBODY:
                cpu.charge("kernel.lock.transfer")
            self._owner = cpu.index


class RwLock(Lock):
    """A lock that readers share (rw_semaphore); `acquire` and `release` are the writer's."""

    __slots__ = ("_read",)

    def __init__(self, waits: str) -> None:
        super().__init__(waits)
        self._read = _Held()

    def acquire(self, cpu: Cpu) -> int:
        time, free = -1, cpu.clock
        while time != free:
            time, free = free, self._read.free_from(self._held.free_from(free))
        cpu.wait_until(free, self.waits)
        since = cpu.clock
        self._take_line(cpu)
        return since

    def acquire_read(self, cpu: Cpu) -> int:
        return super().acquire(cpu)

    def release_read(self, cpu: Cpu, since: int) -> None:
        self._read.add(since, cpu.clock)
