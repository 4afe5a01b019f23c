"""A line comes into a core's caches: from its second level, another core, the shared third level, or memory.

The third level takes the lines that leave a second level (a victim cache) and keeps a line that it hands out. A line
is exclusive in a core's caches when no other core has it: a store needs that, and takes it away from the others.
"""

from __future__ import annotations

from typing import Any, Final

from pffemu.hw.memory.layout import (
    BY_L2,
    BY_L3,
    BY_MEMORY,
    BY_TRANSFER,
    CORE_WORDS,
    CORES,
    FIRST_CORE,
    IN_USE,
    L1,
    L1_MASK,
    L1_WAYS,
    L2,
    L2_LATENCY,
    L2_MASK,
    L2_WAYS,
    L3,
    L3_LATENCY,
    L3_SETS,
    L3_WAYS,
    LAST,
    MEMORY_LATENCY,
    TRANSFER_LATENCY,
)
from pffemu.hw.memory.sets import front, place_of, push

CAUSE_BITS: Final = 3  # of the answers of `fetch`
_SHARED: Final = 1  # answers of `take_from_others`
_EXCLUSIVE: Final = 2


def l1_set(words: Any, core: int, line: int) -> int:
    return int(core + words[L1] + (line & words[L1_MASK]) * words[L1_WAYS])


def l2_set(words: Any, core: int, line: int) -> int:
    return int(core + words[L2] + (line & words[L2_MASK]) * words[L2_WAYS])


def keep_in_l3(words: Any, line: int) -> None:
    """Put a line into the third level."""
    at = L3 + line % words[L3_SETS] * words[L3_WAYS]
    if front(words, at, words[L3_WAYS], line + 1, 1) == 0:
        push(words, at, words[L3_WAYS], (line + 1) << 1)


def take_from_others(words: Any, core: int, line: int, store: bool) -> int:
    """How other cores have held the line: 0, _SHARED or _EXCLUSIVE. They keep it shared, or lose it to a store."""
    found = 0
    for number in range(words[CORES]):
        other = words[FIRST_CORE] + number * words[CORE_WORDS]
        if other == core or words[other + IN_USE] == 0:
            continue
        for level in range(2):
            at = l1_set(words, other, line) if level == 0 else l2_set(words, other, line)
            place = place_of(words, at, words[L1_WAYS] if level == 0 else words[L2_WAYS], line + 1, 1)
            if place >= 0:
                found = max(found, _EXCLUSIVE if words[place] & 1 else _SHARED)
                words[place] = 0 if store else (line + 1) << 1
        if words[other + LAST] >> 1 == line + 1:
            words[other + LAST] = 0
    return found


def fetch(words: Any, core: int, line: int, store: bool, held: bool) -> int:
    """Bring a line into the first level, or make it exclusive there (`held`). Its latency << CAUSE_BITS | cause."""
    words[core + IN_USE] = 1
    ways = words[L2_WAYS]
    at = l2_set(words, core, line)
    word = front(words, at, ways, line + 1, 1)
    latency, cause = words[L2_LATENCY], BY_L2
    if word != 0 and not held and (word & 1 or not store):
        push(words, l1_set(words, core, line), words[L1_WAYS], word)
        words[core + LAST] = word
        return int(latency << CAUSE_BITS | cause)
    others = take_from_others(words, core, line, store) if words[CORES] > 1 else 0
    exclusive = store or others == 0
    if word != 0 or held:  # an upgrade
        latency, cause = (words[TRANSFER_LATENCY], BY_TRANSFER) if others else (0 if held else latency, BY_L2)
        if word != 0:
            words[at] = (line + 1) << 1 | exclusive
    else:
        if others == _EXCLUSIVE:
            latency, cause = words[TRANSFER_LATENCY], BY_TRANSFER
            keep_in_l3(words, line)
        elif front(words, L3 + line % words[L3_SETS] * words[L3_WAYS], words[L3_WAYS], line + 1, 1) != 0:
            latency, cause = words[L3_LATENCY], BY_L3
        else:
            latency, cause = words[MEMORY_LATENCY], BY_MEMORY
        left = push(words, at, ways, (line + 1) << 1 | exclusive)
        if left != 0:
            keep_in_l3(words, (left >> 1) - 1)
    word = (line + 1) << 1 | exclusive
    if held:
        words[l1_set(words, core, line)] = word  # `front` has moved it there
    else:
        push(words, l1_set(words, core, line), words[L1_WAYS], word)
    words[core + LAST] = word
    return int(latency << CAUSE_BITS | cause)


def bring(words: Any, core: int, line: int, count: int, store: bool) -> None:
    """The kernel touches `count` lines; its time is charged otherwise."""
    for one in range(line, line + count):
        word = front(words, l1_set(words, core, one), words[L1_WAYS], one + 1, 1)
        if word == 0 or (store and word & 1 == 0):
            fetch(words, core, one, store, word != 0)
    words[core + LAST] = 0
