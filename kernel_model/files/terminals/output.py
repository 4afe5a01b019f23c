"""What becomes of a character on its way from a program to the other end (drivers/tty/n_tty.c: do_output_char)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi import terminal as abi
from kernel_model.files.terminals.modes import Modes

_TAB: Final = 8  # columns
_NEWLINE, _RETURN, _TABULATOR, _BACKSPACE = b"\n\r\t\b"


def is_control(character: int) -> bool:
    """Linux: iscntrl, of ISO 8859-1."""
    return character < 0x20 or 0x7F <= character < 0xA0


def is_continuation(character: int, modes: Modes) -> bool:
    """Whether it goes on a character of UTF-8."""
    return bool(modes.input & abi.IUTF8) and character & 0xC0 == 0x80


class Output:
    """The column that the cursor is in, and the one in which the line being typed begins."""

    def __init__(self) -> None:
        self.column = self.line_column = 0

    def processed(self, text: bytes, modes: Modes) -> bytes:
        """`text` as the other end gets it."""
        if not modes.output & abi.OPOST:
            return text
        return b"".join(self._character(each, modes) for each in text)

    def _character(self, character: int, modes: Modes) -> bytes:
        flags = modes.output
        if character == _NEWLINE:
            if flags & abi.ONLRET:
                self.column = 0
            if flags & abi.ONLCR:
                self.column = self.line_column = 0
                return b"\r\n"
            self.line_column = self.column
        elif character == _RETURN:
            if flags & abi.ONOCR and not self.column:
                return b""
            if flags & abi.OCRNL:
                character = _NEWLINE
            if not flags & abi.OCRNL or flags & abi.ONLRET:
                self.column = self.line_column = 0
        elif character == _TABULATOR:
            spaces = _TAB - self.column % _TAB
            self.column += spaces
            if flags & abi.XTABS == abi.XTABS:
                return b" " * spaces
        elif character == _BACKSPACE:
            self.column = max(0, self.column - 1)
        elif not is_control(character):
            if flags & abi.OLCUC:
                character = _upper(character)
            self.column += not is_continuation(character, modes)
        return bytes((character,))

    def erase_tab(self, before: int, *, behind_tab: bool) -> bytes:
        """Back over a tabulator: `before` columns lie between it and the tabulator, or the line's start, before it."""
        columns = before if behind_tab else before + self.line_column
        back = _TAB - columns % _TAB
        self.column = max(0, self.column - back)
        return b"\b" * back


def _upper(character: int) -> int:
    is_letter = 0x61 <= character <= 0x7A or (0xE0 <= character <= 0xFE and character != 0xF7)
    return character - 0x20 if is_letter else character


def lower(character: int) -> int:
    """Linux: tolower, of ISO 8859-1."""
    is_letter = 0x41 <= character <= 0x5A or (0xC0 <= character <= 0xDE and character != 0xD7)
    return character + 0x20 if is_letter else character
