"""Workloads that touch pages (guest/asm/workloads/touch.s)."""

from __future__ import annotations

from typing import Final

import numpy as np

from guest.caching.numbers import WORDS, random, random_pages, scaled
from guest.caching.workload import CachedWorkload, word

ASCENDING, RANDOM, ONCE = range(3)
_STRIDE: Final = np.uint64(0x9E3779B1)


def touch(
    name: str,
    pages: int,
    operations: int,
    *,
    order: int = ASCENDING,
    write: bool = False,
    whole: bool = False,
    ahead: int = 0,
) -> CachedWorkload:
    """`operations` accesses to words of random places in pages in this order; `whole`: to all words of each page.

    `ahead`: pages that are asked for before the first of them is touched (ASCENDING only; a power of two)."""
    content = random_pages(pages)
    number = np.arange(operations, dtype=np.uint64)
    drawn = random(number)
    if order == ASCENDING:
        page = number % np.uint64(pages)
    elif order == RANDOM:
        page = scaled(drawn, pages)
    else:
        page = number * _STRIDE & np.uint64(pages - 1)
    at = page * np.uint64(WORDS) + (drawn & np.uint64(WORDS - 1))
    after, result = None, np.uint64(0)
    if whole:
        sums = content.reshape(pages, WORDS).sum(axis=1, dtype=np.uint64)
        result = sums[page].sum(dtype=np.uint64)
    elif write:
        after = content.copy()
        np.add.at(after, at, number + np.uint64(1))
    else:
        result = content[at].sum(dtype=np.uint64)
    numbers = (operations, order, WORDS if whole else 1, ahead)
    return CachedWorkload(name, "touch", content, operations, numbers, word(result), after, order != ASCENDING)
