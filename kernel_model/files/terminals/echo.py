"""Echoes of what is typed, kept until the other end has room for them (drivers/tty/n_tty.c: echo_buf)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kernel_model.abi import terminal as abi
from kernel_model.files.terminals.modes import Modes
from kernel_model.files.terminals.output import Output, is_control

_MOST: Final = 4096  # echoes kept; older ones are lost
_TABULATOR: Final = ord("\t")


@dataclass(frozen=True, slots=True)
class EraseTab:
    """Go back over a tabulator; see Output.erase_tab."""

    before: int
    behind_tab: bool


@dataclass(frozen=True, slots=True)
class LineStart:
    """The line that is typed begins here."""


@dataclass(frozen=True, slots=True)
class Caret:
    """A control character, shown as ^X."""

    character: int


Echo = int | Caret | EraseTab | LineStart


@dataclass(slots=True, eq=False)
class Echoes:
    queue: list[Echo] = field(default_factory=list)

    def raw(self, text: bytes) -> None:
        """Characters as if a program wrote them."""
        for each in text:
            self.add(each)

    def character(self, character: int, modes: Modes) -> None:
        shown = modes.local & abi.ECHOCTL and is_control(character) and character != _TABULATOR
        self.add(Caret(character) if shown else character)

    def add(self, echo: Echo) -> None:
        if len(self.queue) >= _MOST:
            del self.queue[0]
        self.queue.append(echo)

    def take(self, output: Output, modes: Modes) -> bytes:
        """All of them, as the other end gets them."""
        text = bytearray()
        for echo in self.queue:
            if isinstance(echo, LineStart):
                output.line_column = output.column
            elif isinstance(echo, EraseTab):
                text += output.erase_tab(echo.before, behind_tab=echo.behind_tab)
            elif isinstance(echo, Caret):
                text += bytes((ord("^"), echo.character ^ 0x40))
                output.column += 2
            else:
                text += output.processed(bytes((echo,)), modes)
        self.queue.clear()
        return bytes(text)
