"""The marks of a run, each with its moment. A mark is an event or a sub-event step (events/details.py).

Going back and forward again makes the same marks, which are not kept twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pffemu.debug.moment import Moment
from pffemu.machine.machine import Machine

KEPT: Final = 200_000  # marks


class Journal:
    """The latest marks; `count` were made so far. `at_mark` is called after each, in the middle of a step."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.count = 0
        self.at_mark: Callable[[Any], None] = lambda _: None
        self._first = 0  # number of the oldest kept mark, less 1
        self._marks: list[tuple[Any, int, int]] = []  # (event, turn, instructions)
        machine.events.sinks.append(self)
        machine.events.details.append(self)

    def __call__(self, mark: Any) -> None:
        self.count += 1
        if self.count > self._first + len(self._marks):
            self._marks.append((mark, self._machine.turns.count, self._machine.instructions))
            if len(self._marks) > 2 * KEPT:
                del self._marks[:KEPT]
                self._first += KEPT
        self.at_mark(mark)

    def forget(self, count: int) -> None:
        """Drop the marks behind number `count`: the run will differ from there on."""
        del self._marks[max(0, count - self._first) :]

    def close(self) -> None:
        """Stop listening."""
        self._machine.events.sinks.remove(self)
        self._machine.events.details.remove(self)

    def moment_of(self, number: int) -> Moment:
        """The moment inside the machine right after mark `number` (from 1) was made. Raises LookupError."""
        _, turn, instructions = self._kept(number)
        return Moment(turn, instructions, number, held=True)

    def mark(self, number: int) -> Any:
        """Raises LookupError when it is too old to be kept."""
        return self._kept(number)[0]

    def backwards(self, before: int) -> Iterator[tuple[int, Any]]:
        """(number, mark) of those below number `before`, latest first."""
        for number in range(min(before - 1, self._first + len(self._marks)), self._first, -1):
            yield number, self._marks[number - 1 - self._first][0]

    def _kept(self, number: int) -> tuple[Any, int, int]:
        if not self._first < number <= self._first + len(self._marks):
            raise LookupError(f"mark {number} is not kept")
        return self._marks[number - 1 - self._first]
