"""The kernel's random numbers: a seeded generator, so that the same run reads the same bytes (drivers/char/random.c).

Each take is the output of SHAKE128 (FIPS 202) for the seed and a count: fast for long takes, two numbers of state.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(slots=True)
class RandomSource:
    """The generator. `seed` is the machine's; `taken` counts the calls of `take`."""

    seed: int
    taken: int = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        self.taken += 1
        return hashlib.shake_128(f"{self.seed} {self.taken}".encode()).digest(count)
