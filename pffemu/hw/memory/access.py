"""One load or store of ring 3: TLBs, first level, and what follows when the line or its translation is not there.

Unicorn gives physical addresses. So caches are physical as in the machine, and TLBs are indexed and tagged by frame
instead of by page, which differs only for frames that are mapped twice. A page walk loads one entry of 8 bytes a page:
that of frame F lies at F * 8 behind RAM, and the directory's at F / 512 * 8 behind those; upper levels always hit.
"""

from __future__ import annotations

from typing import Any

from pffemu.engine.count_block import REF_TIME, STALL
from pffemu.hw.memory.fetch import CAUSE_BITS, fetch, l1_set
from pffemu.hw.memory.layout import (
    BY_L2,
    BY_MEMORY,
    BY_PREFETCH,
    BY_TLB,
    BY_TRANSFER,
    COUNTS,
    DIRECTORIES,
    DIRECTORY,
    DTLB,
    DTLB_MASK,
    DTLB_MISSES,
    DTLB_WAYS,
    L1_MISSES,
    L1_WAYS,
    L2_MISSES,
    L3_MISSES,
    LAST,
    LAST_PAGE,
    LINE_SHIFT,
    LINES,
    PAGE_LEVEL,
    PAGE_LINES,
    PAIR,
    STLB,
    STLB_LATENCY,
    STLB_MASK,
    STLB_WAYS,
    TRANSFERS,
    WALK_FREE,
    WALK_LATENCY,
    WALKERS,
    WALKS,
)
from pffemu.hw.memory.overlap import arrival_of_pair, pay
from pffemu.hw.memory.prefetch import prefetched, train
from pffemu.hw.memory.sets import front, push


def hits(words: Any, core: int, line: int, store: bool) -> bool:
    """The usual case: translation and line are in the first level, and the translation was the last one of its set."""
    word = words[core + LAST]
    if word >> 1 == line + 1 and (word & 1 or not store):
        return True
    page = (line >> words[PAGE_LINES]) + 1
    if words[core + LAST_PAGE] != page:
        if words[core + words[DTLB] + ((page - 1) & words[DTLB_MASK]) * words[DTLB_WAYS]] != page:
            return False
        words[core + LAST_PAGE] = page
    word = front(words, l1_set(words, core, line), words[L1_WAYS], line + 1, 1)
    if word & 1 or (word != 0 and not store):
        words[core + LAST] = word
        return True
    return False


def load_entry(words: Any, core: int, address: int) -> int:
    """A page walk's load: its latency."""
    line = address >> words[LINE_SHIFT]
    last = words[core + LAST]
    latency = 0
    if front(words, l1_set(words, core, line), words[L1_WAYS], line + 1, 1) == 0:
        latency = fetch(words, core, line, False, False) >> CAUSE_BITS
    words[core + LAST] = last
    return latency


def translate(words: Any, core: int, page: int, now: int) -> int:
    """A translation that the first-level TLB has not: the time that it takes. It is in the TLBs then."""
    words[core + COUNTS + DTLB_MISSES] += 1
    push(words, core + words[DTLB] + (page & words[DTLB_MASK]) * words[DTLB_WAYS], words[DTLB_WAYS], page + 1)
    at = core + words[STLB] + (page & words[STLB_MASK]) * words[STLB_WAYS]
    late = words[STLB_LATENCY]
    if front(words, at, words[STLB_WAYS], page + 1, 0) != 0:
        return int(late)
    push(words, at, words[STLB_WAYS], page + 1)
    words[core + COUNTS + WALKS] += 1
    table = words[LINES] << words[LINE_SHIFT]
    taken = words[WALK_LATENCY] + load_entry(words, core, table + 8 * page)
    directory = page >> PAGE_LEVEL
    at = core + words[DIRECTORY]
    if front(words, at, words[DIRECTORIES], directory + 1, 0) == 0:
        push(words, at, words[DIRECTORIES], directory + 1)
        taken += load_entry(words, core, 2 * table + 8 * directory)
    begin = max(now, words[core + WALK_FREE])
    words[core + WALK_FREE] = begin + taken // words[WALKERS]
    return int(late + taken + begin - now)


def access(words: Any, core: int, counter: Any, ram: Any, root: int, line: int, store: bool) -> None:
    """Every case that `hits` does not know."""
    page, late = line >> words[PAGE_LINES], 0
    now = counter[REF_TIME] + counter[STALL]
    if words[core + LAST_PAGE] != page + 1:
        words[core + LAST_PAGE] = page + 1
        at = core + words[DTLB] + (page & words[DTLB_MASK]) * words[DTLB_WAYS]
        if front(words, at, words[DTLB_WAYS], page + 1, 0) == 0:
            late = translate(words, core, page, now)
    word = front(words, l1_set(words, core, line), words[L1_WAYS], line + 1, 1)
    if word & 1 or (word != 0 and not store):
        words[core + LAST] = word
        if late:
            pay(words, core, counter, ram, root, line, 0, BY_TLB, late, 0, store)
        return
    answer = fetch(words, core, line, store, word != 0)
    latency, cause, arrival = answer >> CAUSE_BITS, answer & ((1 << CAUSE_BITS) - 1), 0
    counts = core + COUNTS
    if word == 0:
        words[counts + L1_MISSES] += 1
        if cause != BY_L2:
            words[counts + L2_MISSES] += 1
        if cause == BY_MEMORY:
            words[counts + L3_MISSES] += 1
        arrival = train(words, core, line, now)
        if words[PAIR] and cause == BY_L2:
            arrival = max(arrival, arrival_of_pair(words, core, line))
        elif words[PAIR]:
            prefetched(words, core, line ^ 1, now)
        if cause == BY_L2 and arrival > now + latency:
            cause = BY_PREFETCH
        else:
            arrival = 0
    if cause == BY_TRANSFER:
        words[counts + TRANSFERS] += 1
    if latency or late:
        pay(words, core, counter, ram, root, line, latency, cause, late, arrival, store)
