"""Units a profile may use, turned into exact cycles."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

_TIME: Final = {"ns": Fraction(1), "us": Fraction(1000)}  # in ns
_FREQUENCY: Final = {"MHz": 10**6, "GHz": 10**9}

FREQUENCY_UNITS: Final = tuple(_FREQUENCY)


def units_for(per: str) -> tuple[str, ...]:
    """The units that a cost with that `per` may have, as in `cycles/byte`."""
    return tuple(f"{unit}/{per}" if per else unit for unit in ("cycles", *_TIME))


def hertz(value: Fraction, unit: str) -> Fraction:
    return value * _FREQUENCY[unit]


def cycles(value: Fraction, unit: str, frequency: int) -> Fraction:
    """`value` in one of `units_for`'s units, as cycles of a clock of `frequency` Hz."""
    base = unit.partition("/")[0]
    return value if base == "cycles" else value * _TIME[base] * frequency / 10**9
