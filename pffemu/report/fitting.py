"""Tables on a narrow terminal: whole columns are left out, and named, instead of cutting numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_BETWEEN: Final = 3  # columns of a terminal that each column of a table adds: two blanks and a line
_EDGE: Final = 1


def fitting_columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], first: Iterable[str], width: int
) -> list[int]:
    """The indexes of the columns that fit into `width`, in their order.

    Those in `first` are chosen first, in its order, then the others; the very first one is always there.
    """
    widths = [_width(column) for column in zip(headings, *rows, strict=True)]
    order = [headings.index(name) for name in first if name in headings]
    order += [index for index in range(len(headings)) if index not in order]
    left, chosen = width - _EDGE, list[int]()
    for index in order:
        if chosen and widths[index] + _BETWEEN > left:
            continue
        chosen.append(index)
        left -= widths[index] + _BETWEEN
    return sorted(chosen)


def left_out(headings: Sequence[str], rows: Sequence[Sequence[str]], chosen: Sequence[int]) -> str:
    """A line that names what is not in `chosen` and says what width would show it; empty when nothing is left out."""
    names = [name for index, name in enumerate(headings) if index not in chosen]
    needed = sum(_width(column) + _BETWEEN for column in zip(headings, *rows, strict=True)) + _EDGE
    if not names:
        return ""
    return f"Left out: {', '.join(names)} (they need {needed} columns; into a file, and with --json, all is there)"


def _width(cells: Sequence[str]) -> int:
    return max(len(line) for cell in cells for line in cell.split("\n"))
