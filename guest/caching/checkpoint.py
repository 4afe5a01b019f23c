"""Checkpoints by write protection: gc.s."""

from __future__ import annotations

import numpy as np

from guest.caching.numbers import WORDS, random, random_pages, scaled
from guest.caching.workload import CachedWorkload, word


def checkpoints(name: str, pages: int, operations: int, rounds: int) -> CachedWorkload:
    """Rounds of stores to random words; after each, the file has them all."""
    content = random_pages(pages)
    number = np.arange(operations // rounds * rounds, dtype=np.uint64)
    drawn = random(number)
    after = content.copy()
    np.add.at(after, scaled(drawn, pages) * np.uint64(WORDS) + (drawn & np.uint64(WORDS - 1)), number + np.uint64(1))
    return CachedWorkload(name, "gc", content, len(number), (len(number), rounds), word(0), after, True)
