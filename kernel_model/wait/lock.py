"""Locks of the kernel in virtual time: a core that wants one which another core holds waits until its release.

A kernel entry runs to its end before the next core's does, although both overlap in virtual time; so a lock remembers
the intervals in which it was held, and a later comer finds the first moment at which it was free. Entries come in the
order of their virtual start (machine.turns), so the last few intervals are enough. A core that takes the lock before an
interval that is fixed already, and would still hold it then, is delayed by its length: no two cores hold it at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

_REMEMBERED: Final = 64  # intervals: many more than the other cores can add during one kernel entry
_NOBODY: Final = -1


class _Held:
    """When something was held, as [start, end) in cycles."""

    __slots__ = ("_intervals", "latest")

    def __init__(self) -> None:
        self._intervals: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self.latest = 0

    def free_from(self, time: int) -> int:
        """The first moment from `time` on at which it was not held."""
        if time >= self.latest:
            return time
        moved = True
        while moved:
            moved = False
            for start, end in self._intervals:
                if start <= time < end:
                    time, moved = end, True
        return time

    def held_up(self, start: int, end: int) -> int:
        """When work from `start` to `end` ends once it has let the intervals pass that begin within it."""
        if self.latest > start:
            for other_start, other_end in sorted(self._intervals):
                if start <= other_start < end:
                    end += other_end - other_start
        return end

    def add(self, start: int, end: int) -> None:
        self._intervals.append((start, end))
        if end > self.latest:
            self.latest = end


class Lock:
    """A spinlock. `waits`: the name in timing.catalogue under which waiting for it is charged.

    `charged`: taking it has a cost of its own; otherwise that is part of what its holder charges.
    """

    __slots__ = ("_charged", "_held", "_line", "_owner", "waits")

    def __init__(self, waits: str, *, charged: bool = True) -> None:
        self.waits, self._charged = waits, charged
        self._held, self._line, self._owner = _Held(), _Held(), _NOBODY

    def acquire(self, cpu: Cpu) -> int:
        """The clock from which `cpu` holds it, for `release`."""
        since = cpu.clock
        if since < self._held.latest:
            since = cpu.wait_until(self._held.free_from(since), self.waits)
        if self._charged:
            self._take_line(cpu, since)
        return since

    def release(self, cpu: Cpu, since: int) -> None:
        end = cpu.clock
        if self._held.latest > since:
            end = self._held_up(cpu, since, end)
        self._held.add(since, end)

    def _held_up(self, cpu: Cpu, since: int, end: int) -> int:
        """Wait for the cores that held it within [since, end), which `cpu` had it: the clock then."""
        return cpu.wait_until(self._held.held_up(since, end), self.waits)

    def _take_line(self, cpu: Cpu, now: int) -> None:
        """The lock's cache line, which readers change too: one core has it at a time."""
        since = now
        if now < self._line.latest:
            since = cpu.wait_until(self._line.free_from(now), self.waits)
        cpu.charge("kernel.lock")
        if self._owner != cpu.index:
            if self._owner != _NOBODY:
                cpu.charge("kernel.lock.transfer")
            self._owner = cpu.index
        self._line.add(since, cpu.clock)


class RwLock(Lock):
    """A lock that readers share (rw_semaphore); `acquire` and `release` are the writer's.

    A reader that comes while a writer waits queues behind it, as in Linux (RWSEM_FLAG_WAITERS).
    """

    __slots__ = ("_awaited", "_read")

    def __init__(self, waits: str) -> None:
        super().__init__(waits)
        self._read = _Held()
        self._awaited = _Held()  # from a writer's arrival until it has the lock

    def acquire(self, cpu: Cpu) -> int:
        time, free = -1, cpu.clock
        while time != free:
            time, free = free, self._read.free_from(self._held.free_from(free))
        if free > cpu.clock:
            self._awaited.add(cpu.clock, free)
        since = cpu.wait_until(free, self.waits)
        self._take_line(cpu, since)
        return since

    def release(self, cpu: Cpu, since: int) -> None:
        cpu.wait_until(self._read.held_up(since, cpu.clock), self.waits)
        super().release(cpu, since)

    @contextmanager
    def reading(self, cpu: Cpu) -> Iterator[None]:
        """Held as one of the readers (Linux: mmap_read_lock), also when the call inside raises."""
        since = self.acquire_read(cpu)
        try:
            yield
        finally:
            self.release_read(cpu, since)

    def downgrade(self, cpu: Cpu, since: int) -> int:
        """The writer goes on as one of the readers (mmap_write_downgrade): the clock, for `release_read`."""
        self.release(cpu, since)
        return cpu.clock

    def acquire_read(self, cpu: Cpu) -> int:
        if self._awaited.latest and self._awaited.latest > cpu.clock:
            cpu.wait_until(self._awaited.free_from(cpu.clock), self.waits)
        return super().acquire(cpu)

    def release_read(self, cpu: Cpu, since: int) -> None:
        end = cpu.clock
        if self._held.latest > since:
            end = self._held_up(cpu, since, end)
        self._read.add(since, end)
