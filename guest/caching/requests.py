"""Requests by Zipf's law, and the workloads that look keys up: hash table (kv.s) and B+-tree (btree.s)."""

from __future__ import annotations

from typing import Final

import numpy as np

from guest.caching.numbers import U64, WORDS, random, scaled
from guest.caching.workload import CachedWorkload, word

KEYS_A_PAGE: Final = 64  # of the hash table, of 256 slots
THETA: Final = 0.99  # as in YCSB (Cooper et al., SoCC '10)
_SLOTS: Final = 256
_FANOUT: Final = 200  # keys in a node, of 255


def zipf_ranks(count: int, keys: int, seed: int) -> U64:
    """`count` ranks below `keys`; rank r is drawn in proportion to 1 / (r + 1)^THETA."""
    ends = np.cumsum(np.arange(1, keys + 1, dtype=np.float64) ** -THETA)
    drawn = random(np.arange(count, dtype=np.uint64) + np.uint64(seed << 40)) >> np.uint64(11)
    ranks: U64 = np.searchsorted(ends, drawn / 2.0**53 * ends[-1], side="right").clip(max=keys - 1).astype(np.uint64)
    return ranks


def hash_table(pages: int) -> tuple[U64, U64]:
    """The file's words, and for each key from 1 on the word of its value."""
    keys = np.arange(1, pages * KEYS_A_PAGE + 1, dtype=np.uint64)
    drawn = random(keys)
    page, slot = scaled(drawn, pages), drawn & np.uint64(_SLOTS - 1)
    content = np.zeros(pages * WORDS, np.uint64)
    left = np.arange(len(keys))
    place = np.zeros(len(keys), np.uint64)
    while len(left):
        place[left] = page[left] * np.uint64(WORDS) + slot[left] * np.uint64(2)
        free = left[content[place[left]] == 0]
        _, first = np.unique(place[free], return_index=True)
        taken = free[first]
        content[place[taken]] = keys[taken]
        left = np.setdiff1d(left, taken, assume_unique=True)
        slot[left] = slot[left] + np.uint64(1) & np.uint64(_SLOTS - 1)
    content[place + np.uint64(1)] = random(keys + np.uint64(1 << 48))
    return content, place + np.uint64(1)


def key_value(name: str, pages: int, operations: int, *, write: bool = False) -> CachedWorkload:
    """Look-ups in a hash table of this many pages; `write`: each adds to the value."""
    content, values = hash_table(pages)
    ranks = zipf_ranks(operations, len(values), seed=2)
    number = np.arange(1, operations + 1, dtype=np.uint64)
    after, result = None, np.uint64(0)
    if write:
        after = content.copy()
        np.add.at(after, values[ranks], number)
    else:
        result = content[values[ranks]].sum(dtype=np.uint64)
    requests = (ranks + np.uint64(1)).astype("<u4")
    inputs = {3: requests.data.cast("B")}
    return CachedWorkload(name, "kv", content, operations, (operations,), word(result), after, True, inputs)


def tree(pages: int) -> tuple[U64, U64, U64, int, int]:
    """The file's words, keys in order, their values, the root's page, and the depth, of at most this many pages."""
    leaves = max(1, (pages - 2) * (_FANOUT - 1) // _FANOUT)
    keys = np.sort(random(np.arange(leaves * _FANOUT, dtype=np.uint64)))
    values = random(keys)
    content = np.zeros((pages, WORDS), np.uint64)
    low, held, start, depth = keys, values, 0, 0
    while True:
        nodes = -(-len(low) // _FANOUT)
        firsts = np.arange(nodes) * _FANOUT
        for node, first in enumerate(firsts):
            here = low[first : first + _FANOUT]
            content[start + node, 0] = len(here)
            content[start + node, 1 : 1 + len(here)] = here
            content[start + node, 256 : 256 + len(here)] = held[first : first + _FANOUT]
        depth += 1
        if nodes == 1:
            return content.reshape(-1), keys, values, start, depth
        low, held = low[firsts], np.arange(start, start + nodes, dtype=np.uint64)
        start += nodes


def btree(name: str, pages: int, operations: int) -> CachedWorkload:
    """Look-ups in a B+-tree of about this many pages."""
    content, keys, values, root, depth = tree(pages)
    # ranks are spread over the keys, so that popular keys are no neighbours
    at = scaled(random(zipf_ranks(operations, len(keys), seed=3)), len(keys))
    result = values[at].sum(dtype=np.uint64)
    inputs = {3: keys[at].data.cast("B")}
    return CachedWorkload(
        name, "btree", content, operations, (operations, root, depth), word(result), None, True, inputs
    )
