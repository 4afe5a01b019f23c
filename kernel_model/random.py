"""The kernel's random numbers: a seeded generator, so that the same run reads the same bytes (drivers/char/random.c).

SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one 64-bit word of state, which a snapshot keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15


@dataclass(slots=True)
class RandomSource:
    """`state` starts as the machine's seed."""

    state: int

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        words = [self._next().to_bytes(8, "little") for _ in range((count + 7) // 8)]
        return b"".join(words)[:count]

    def _next(self) -> int:
        self.state = z = (self.state + _STEP) & _MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
        return z ^ z >> 31
