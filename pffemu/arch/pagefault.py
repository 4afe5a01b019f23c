"""Page-fault exception facts: vector, error-code bits (SDM vol. 3, 4.7 and 6.15)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.directed import DECLINED

VECTOR: Final = 14

P: Final = 1 << 0  # 0: a not-present page; 1: a protection violation
W: Final = 1 << 1  # the access was a write
U: Final = 1 << 2  # the access was made in user mode
RSVD: Final = 1 << 3  # a reserved bit was set in a paging-structure entry
I: Final = 1 << 4  # noqa: E741 - the manual's name: the access was an instruction fetch

_LETTERS: Final = ((P, "P"), (W, "W"), (U, "U"), (RSVD, "RSVD"), (I, "I"), (DECLINED, "DECLINED"))


def describe(error_code: int) -> str:
    """`W|U` for 6; `-` for 0."""
    return "|".join(name for bit, name in _LETTERS if error_code & bit) or "-"
