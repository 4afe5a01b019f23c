"""Which panes fit: on a large screen all, threads and directives in one place; on smaller ones the most needed, and
one of the user's choice.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Size(Enum):
    """The screen's size; the value is a class in the style sheet."""

    LARGE = "large"  # everything, threads or directives
    MEDIUM = "medium"  # code, timeline, registers, one more
    SMALL = "small"  # code, one more


ALWAYS: Final = {
    Size.LARGE: ("code", "source", "timeline", "registers", "stack", "uintr", "walk", "regions"),
    Size.MEDIUM: ("code", "timeline", "registers"),
    Size.SMALL: ("code",),
}
CHOICE: Final = {
    Size.LARGE: ("queues", "directives"),
    Size.MEDIUM: ("stack", "source", "uintr", "walk", "regions", "queues", "directives"),
    Size.SMALL: ("registers", "source", "stack", "uintr", "walk", "timeline", "regions", "queues", "directives"),
}


def size_of(width: int, height: int) -> Size:
    """The Size of a screen of so many columns and lines."""
    if width >= 175 and height >= 46:
        return Size.LARGE
    return Size.MEDIUM if width >= 110 and height >= 34 else Size.SMALL


def shown(size: Size, chosen: str, alone: str) -> tuple[str, ...]:
    """The panes to show. `chosen`: the user's choice; `alone`: the one that has the whole screen, or "" for none."""
    return (alone,) if alone else (*ALWAYS[size], *([chosen] if chosen in CHOICE[size] else CHOICE[size][:1]))
