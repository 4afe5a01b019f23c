"""A pane: text with a name on its border. It scrolls by the mouse's wheel, or with the focus by keys."""

from __future__ import annotations

from typing import Final

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

FOUND: Final = "black on yellow"


class Pane(VerticalScroll):
    """`text` is what it shows, all of it; keys go on to the application."""

    def __init__(self, name: str, title: str) -> None:
        super().__init__(id=name)
        self.border_title = title
        self.text = Text()

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, text: Text, line: int | None) -> None:
        """Replace the text, and scroll until `line` is in the upper third; None: leave it where it is."""
        text.rstrip()
        self.text = text
        self.query_one(Static).update(text)
        if line is not None:
            self.scroll_to(y=max(0, line - self.content_size.height // 3), animate=False)

    def find(self, words: str, start: int) -> int | None:
        """The first line from `start` on that has the words, in upper or lower case; they are marked there."""
        lines = self.text.plain.splitlines()
        found = next((i for i in range(start, len(lines)) if words.lower() in lines[i].lower()), None)
        if found is None:
            return None
        marked = self.text.copy()
        at = sum(len(line) + 1 for line in lines[:found]) + lines[found].lower().index(words.lower())
        marked.stylize(FOUND, at, at + len(words))
        self.query_one(Static).update(marked)
        self.scroll_to(y=max(0, found - self.content_size.height // 3), animate=False)
        return found

    def line_under(self, y: int) -> str:
        """The line at row `y` of the screen's pane."""
        lines, row = self.text.plain.splitlines(), y - 1 + round(self.scroll_y)
        return lines[row] if 0 <= row < len(lines) else ""
