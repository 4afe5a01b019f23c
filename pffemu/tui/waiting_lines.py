"""Commands that were given while another one runs: none is lost, and repetitions become one command."""

from __future__ import annotations

from collections import deque
from typing import Final

_MOST: Final = 10_000  # repetitions of one line
_DEEPEST: Final = 1_000  # different lines in a row


class WaitingLines:
    """The queue. `repeatable`: commands that take a number of repetitions, as `step 10`."""

    def __init__(self, repeatable: frozenset[str]) -> None:
        self._repeatable = repeatable
        self._lines: deque[tuple[str, int]] = deque()

    def add(self, line: str) -> None:
        """At the end; beyond a thousand different lines it is dropped."""
        if self._lines and self._lines[-1][0] == line and line in self._repeatable:
            self._lines[-1] = line, min(_MOST, self._lines[-1][1] + 1)
        elif len(self._lines) < _DEEPEST:
            self._lines.append((line, 1))

    def take(self) -> str:
        """The next line to run, with the number of its repetitions; empty: none waits."""
        if not self._lines:
            return ""
        line, times = self._lines.popleft()
        return line if times == 1 else f"{line} {times}"

    def clear(self) -> None:
        self._lines.clear()
