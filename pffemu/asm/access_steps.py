"""The steps by which an interpreter finds the addresses of a block's loads and stores from its first registers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# words that steps name: the sixteen registers by number, then these, then TEMPORARIES
ZERO: Final = 16
FS: Final = 17
GS: Final = 18
TEMPORARIES: Final = 19
MOST_TEMPORARIES: Final = 40


class Kind(IntEnum):
    """`sum` is base + (index << shift) + displacement."""

    LOAD = 1  # of `size` bytes at the sum; into `result`, if that is named
    STORE = 2
    UPDATE = 3  # a load, then a store
    SUM = 4
    DIFFERENCE = 5  # base - index
    AND = 6
    OR = 7
    XOR = 8
    PRODUCT = 9
    SHIFT_RIGHT = 10  # base by `shift`
    SHIFT_RIGHT_SIGNED = 11
    EXTEND = 12  # the lowest `size` bytes of base


ACCESSES: Final = (Kind.LOAD, Kind.STORE, Kind.UPDATE)


@dataclass(frozen=True, slots=True)
class Step:
    """One access or one piece of arithmetic, whose result is a temporary (-1: none)."""

    kind: Kind
    base: int = ZERO
    index: int = ZERO
    shift: int = 0
    displacement: int = 0
    size: int = 0
    signed: bool = False
    result: int = -1
