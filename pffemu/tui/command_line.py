"""The command line below the panes: earlier lines with Up and Down, completion with Tab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widgets import Input

_SHOWN: Final = 12  # candidates
_KEPT: Final = 500  # lines


class CommandLine(Input):
    """`words(first)` are the candidates: commands for the first word of a line, symbols for the others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "recall(-1)", "earlier line", show=False),
        Binding("down", "recall(1)", "later line", show=False),
    ]

    def __init__(self, words: Callable[[bool], Iterable[str]], placeholder: str, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False)
        self._words = words
        self._lines: list[str] = []
        self._at = 0

    def keep(self, line: str) -> None:
        """Remember a line that was sent."""
        if not self._lines or self._lines[-1] != line:
            self._lines = [*self._lines, line][-_KEPT:]
        self._at = len(self._lines)

    def action_recall(self, way: int) -> None:
        self._at = max(0, min(len(self._lines), self._at + way))
        self.value = self._lines[self._at] if self._at < len(self._lines) else ""
        self.cursor_position = len(self.value)

    def complete(self) -> str:
        """Complete the last word as far as it is certain; the candidates, when there are several."""
        head, space, word = self.value.rpartition(" ")
        found = sorted({name for name in self._words(not head.strip()) if name.startswith(word)})
        if not found:
            return ""
        ending = " " if len(found) == 1 else ""
        same = takewhile(lambda pair: pair[0] == pair[1], zip(found[0], found[-1], strict=False))
        self.value = f"{head}{space}{''.join(letter for letter, _ in same)}{ending}"
        self.cursor_position = len(self.value)
        more = f" ... {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return "  ".join(found[:_SHOWN]) + more if len(found) > 1 else ""
