"""The known name that a misspelt word most likely means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHARE: Final = 0.4  # of a word's letters that may be wrong


def closest(word: str, known: Iterable[str]) -> str:
    """The name of fewest typing errors (a letter too many, missing or wrong, or two swapped); empty: none is close.

    Case does not count. Of names equally close one that goes on behind the word, else the first.
    """
    given = word.lower()
    least = max(1, int(_SHARE * len(given))) + 1 if len(given) > 1 else 1
    best = ""
    for name in dict.fromkeys(known):
        if abs(len(name) - len(given)) <= least:
            errors = _typing_errors(given, name.lower())
            better = errors == least and name.lower().startswith(given) and not best.lower().startswith(given)
            if errors < least or (best and better):
                best, least = name, errors
    return best


def _typing_errors(given: str, name: str) -> int:
    """Damerau's distance, as optimal string alignment."""
    before, row = list[int](), list(range(len(name) + 1))
    for i, letter in enumerate(given, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(name, 1):
            errors = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == name[j - 2] and given[i - 2] == other:
                errors = min(errors, two_before[j - 2] + 1)
            row.append(errors)
    return row[-1]
