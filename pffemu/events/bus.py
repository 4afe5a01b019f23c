"""The bus: counts every event, and hands it to sinks and listeners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pffemu.events.faults import Faults
from pffemu.events.kinds import EVENTS


class EventBus:
    """Counts every event by type, and hands it to each sink in turn, then to the listeners to its type."""

    def __init__(self) -> None:
        self.counts: dict[type[Any], int] = dict.fromkeys(EVENTS, 0)
        self.faults = Faults()
        self.sinks: list[Callable[[Any], None]] = []
        self.listeners: dict[type[Any], Callable[[Any], None]] = {}  # an event without listener or sink is only counted
        self.details: list[Callable[[Any], None]] = []  # the detail listeners (events/details.py)

    def emit(self, event: Any) -> None:
        self.counts[type(event)] += 1
        self.publish(event)

    def publish(self, event: Any) -> None:
        """Hand on an event that is already counted."""
        for sink in self.sinks:
            sink(event)
        listener = self.listeners.get(type(event))
        if listener is not None:
            listener(event)
