"""Sink: the events of one fault out of a long run, for a timeline. Nothing else is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pffemu.events.fault_tracker import FaultLife, FaultTracker


class OneFault:
    """Keeps the events of one fault, without those of other threads' faults.

    While a handler runs in the faulting thread, all that other threads do is left out.

    `wanted`: its number (from 1, as in a trace), or a function that is called with faults until it says yes.
    """

    def __init__(self, wanted: int | Callable[[FaultLife], bool]) -> None:
        self._wanted = wanted if callable(wanted) else lambda life: life.number == wanted
        self._tracker = FaultTracker()
        self._life: FaultLife | None = None
        self._events: list[Any] = []

    def __call__(self, event: Any) -> None:
        if self._life is not None and self._life.end is not None:
            return
        lives = self._tracker(event)
        if self._life is None:
            self._life = next((life for life in lives if self._wanted(life)), None)
            if self._life is None:
                return
        if any(life.is_within(self._life) for life in lives) if lives else self._may_wait(self._life):
            self._events.append(event)

    def _may_wait(self, life: FaultLife) -> bool:
        """Whether a thread without a fault may be helping this one: not while the faulting thread handles it itself."""
        innermost = self._tracker.innermost(life.tid)
        return innermost is None or not innermost.in_handler

    @property
    def life(self) -> FaultLife | None:
        """The fault, once it has begun."""
        return self._life

    @property
    def count(self) -> int:
        """Events kept so far."""
        return len(self._events)

    @property
    def events(self) -> list[Any]:
        """The events in order; empty when the run had fewer faults, or this one was not resolved."""
        return self.so_far if self._life is not None and self._life.path else []

    @property
    def so_far(self) -> list[Any]:
        """As `events`, also of a fault that is not over, or was abandoned.

        Events before the fault's own time are left out: they belong to cores whose clocks are behind.
        """
        if self._life is None:
            return []
        return [event for event in self._events if event.time >= self._life.start]
