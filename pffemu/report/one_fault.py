"""Sink: the events of one fault out of a long run, for a timeline. Nothing else is kept."""

from __future__ import annotations

from typing import Any

from pffemu.events.hw import Resumed, WalkRefused


class OneFault:
    """Keeps what happens from the `number`-th refused walk (from 0) until its thread resumes."""

    def __init__(self, number: int) -> None:
        self._to_skip = number
        self._first: WalkRefused | None = None
        self._done = False
        self._events: list[Any] = []

    def __call__(self, event: Any) -> None:
        if self._done:
            return
        if self._first is None:
            if type(event) is not WalkRefused:
                return
            if self._to_skip:
                self._to_skip -= 1
                return
            self._first = event
        self._events.append(event)
        first = self._first
        self._done = type(event) is Resumed and event.tid == first.tid and event.rip == first.rip

    @property
    def events(self) -> list[Any]:
        """In the order they happened; empty when there were not so many faults, or it never resumed.

        Events before the fault's own time are others' business, told late: cores have clocks of their own.
        """
        if not self._done or self._first is None:
            return []
        return [event for event in self._events if event.time >= self._first.time]
