"""128-bit words: SSE registers and `mem128[...]`, whole or in parts.

    xmm0 == 1 << 64        xmm0.q1 == 1        xmm0.d2 == 1        xmm0.b8 == 1        mem128[buf] == xmm0 ^ xmm1

Parts count from the lowest: two q (64 bits), four d (32), eight w (16), sixteen b (8).
"""

from __future__ import annotations

from typing import ClassVar, Final

WIDE_MASK: Final = (1 << 128) - 1
_BITS: Final = {"q": 64, "d": 32, "w": 16, "b": 8}
_PARTS: Final = {f"{letter}{index}": (bits, index) for letter, bits in _BITS.items() for index in range(128 // bits)}
XMM: Final = {f"xmm{number}": number for number in range(16)}


class Wide(int):
    """An unsigned 128-bit word. Results computed from one are such words, too, and compare modulo 2**128."""

    FIELDS: ClassVar = tuple(_PARTS)

    def __new__(cls, value: int) -> Wide:
        return super().__new__(cls, value & WIDE_MASK)

    def __getattr__(self, name: str) -> int:
        bits, index = _PARTS[name]
        return int(self) >> bits * index & (1 << bits) - 1
