"""A failure in pytest's form: text for the terminal, and one line with a place for summaries and editors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pffemu.testing.errors import place_of


@dataclass(frozen=True, slots=True)
class Place:
    """A place and a one-line message, printed as `file:line: message`, as `--tb=line` and editors expect."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of pytest's TerminalRepr that reports use; TerminalRepr itself is not public."""

    text: str
    reprcrash: Place

    def toterminal(self, terminal: Any) -> None:
        if self.text:
            terminal.line(self.text)

    def __str__(self) -> str:
        return self.text


def shown(text: str, where: str, *, only_line: bool) -> Shown:
    """`text`, whose first line is its summary; `where`: file:line. `only_line`: pytest prints that line alone."""
    path, line = place_of(where)
    return Shown("" if only_line else text, Place(path, line, text.partition("\n")[0]))
