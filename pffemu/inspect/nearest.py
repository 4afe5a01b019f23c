"""The known name that is closest to a word, for the remedy of an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_CLOSE: Final = 0.5  # of 1, as difflib measures it


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown `word`; of names equally close, one with the same letters, then the first."""
    known = list(dict.fromkeys(known))

    def closeness(name: str) -> tuple[float, bool]:
        given, other = word.lower(), name.lower()
        return difflib.SequenceMatcher(None, given, other).ratio(), sorted(given) == sorted(other)

    best = max(known, key=closeness, default="")
    return f"did you mean {best!r}?" if best and closeness(best)[0] >= _CLOSE else f"use one of {', '.join(known)}"
