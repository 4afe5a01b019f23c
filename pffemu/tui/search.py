"""A search through the panes on the screen, one place after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pffemu.tui.pane import Pane


@dataclass
class Search:
    """`words` are searched for; `pane` and `line` are where they were found last."""

    words: str
    pane: str = ""
    line: int = -1

    def go_on(self, panes: Sequence[Pane]) -> str:
        """To the next place, after the last one to the first again; what to tell the user."""
        if not self.words:
            return "search for what? /WORDS"
        names = [str(pane.id) for pane in panes]
        first = names.index(self.pane) if self.pane in names else 0
        order = [*range(first, len(panes)), *range(first + 1)]
        for i, number in enumerate(order):
            start = self.line + 1 if i == 0 and self.pane == names[number] else 0
            found = panes[number].find(self.words, start)
            if found is not None:
                self.pane, self.line = names[number], found
                panes[number].focus()
                return f"{self.words!r}: {panes[number].border_title}, line {found + 1}; F3 finds the next one"
        self.pane, self.line = "", -1
        return f"no pane on the screen has {self.words!r}"
