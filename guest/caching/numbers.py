"""The random numbers that workloads compute in the guest, and numpy here."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
WORDS: Final = 512  # 8-byte words of a page

U64 = NDArray[np.uint64]


def random(numbers: U64) -> U64:
    """splitmix64's finalizer (Steele, Lea, Flood; OOPSLA '14) over golden-ratio steps: access.inc's RANDOM."""
    word = numbers * GOLDEN
    word = (word ^ word >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ word >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return word ^ word >> np.uint64(31)


def scaled(numbers: U64, end: int) -> U64:
    """The upper halves of random numbers, scaled to [0, end)."""
    return (numbers >> np.uint64(32)) * np.uint64(end) >> np.uint64(32)


def random_pages(pages: int, seed: int = 1) -> U64:
    """A file of random words."""
    return random(np.arange(pages * WORDS, dtype=np.uint64) + np.uint64(seed << 40))
