"""One set of an associative memory whose ways are kept in the order of use (LRU), as plain functions over flat words.

A caller passes the index of the set's first word. `shift` is what a word holds besides its tag: 1 in caches, 0 in TLBs.
"""

from __future__ import annotations

from typing import Any


def front(words: Any, at: int, ways: int, tag: int, shift: int) -> int:
    """The word with `tag`, which becomes the last one used; 0: not there."""
    word = words[at]
    if word >> shift == tag:
        return int(word)
    for way in range(1, ways):
        word = words[at + way]
        if word >> shift == tag:
            for place in range(at + way, at, -1):
                words[place] = words[place - 1]
            words[at] = word
            return int(word)
    return 0


def push(words: Any, at: int, ways: int, word: int) -> int:
    """Put `word` into the set, as the last one used; the word that had to leave (0: none)."""
    left = words[at + ways - 1]
    for place in range(at + ways - 1, at, -1):
        words[place] = words[place - 1]
    words[at] = word
    return int(left)


def place_of(words: Any, at: int, ways: int, tag: int, shift: int) -> int:
    """The index of the word with `tag`, whose place in the order of use does not change; -1: not there."""
    for place in range(at, at + ways):
        if words[place] >> shift == tag:
            return place
    return -1
