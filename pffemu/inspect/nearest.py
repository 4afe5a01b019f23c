"""The known name that is closest to a word, for the remedy of an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pffemu.nearest import closest

_LISTED: Final = 30  # names


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown `word`: the name of fewest typing errors, or else the names there are."""
    names = list(dict.fromkeys(known))
    best = closest(word, names)
    if best:
        return f"did you mean {best!r}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"use one of {', '.join(names[:_LISTED])}{more}"
