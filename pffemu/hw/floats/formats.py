"""Binary formats of IEEE 754 and x87, and their numbers."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class Kind(Enum):
    ZERO = 0
    FINITE = 1
    INFINITE = 2
    QUIET = 3
    SIGNALING = 4
    UNSUPPORTED = 5  # x87 encodings that are invalid since the 387


class Format(NamedTuple):
    """A format. `precision`: bits of a significand with its integer bit, which x87's format stores (`explicit`)."""

    exponent_bits: int
    precision: int
    explicit: bool = False

    @property
    def bias(self) -> int:
        return (1 << self.exponent_bits - 1) - 1

    @property
    def smallest(self) -> int:
        """The exponent of the smallest normal number."""
        return 1 - self.bias

    @property
    def fraction_bits(self) -> int:
        """Bits below the exponent field."""
        return self.precision if self.explicit else self.precision - 1

    @property
    def quiet_bit(self) -> int:
        return 1 << self.precision - 2

    def finite(self, sign: int, exponent_field: int, significand: int) -> int:
        """The bits of a number; the integer bit is dropped where the format implies it."""
        kept = significand if self.explicit else significand & (1 << self.precision - 1) - 1
        return sign << self.exponent_bits + self.fraction_bits | exponent_field << self.fraction_bits | kept

    def zero(self, sign: int) -> int:
        return self.finite(sign, 0, 0)

    def infinity(self, sign: int) -> int:
        return self.finite(sign, (1 << self.exponent_bits) - 1, 1 << self.precision - 1)

    def largest(self, sign: int) -> int:
        return self.finite(sign, (1 << self.exponent_bits) - 2, (1 << self.precision) - 1)

    @property
    def indefinite(self) -> int:
        """The default NaN."""
        return self.infinity(1) | self.quiet_bit


F32: Final = Format(8, 24)
F64: Final = Format(11, 53)
F80: Final = Format(15, 64, explicit=True)


class Number(NamedTuple):
    """A number. If finite, its value is `significand` * 2 ^ `exponent`, with `sign`. `bits`: its encoding."""

    kind: Kind
    sign: int
    exponent: int
    significand: int
    denormal: bool
    bits: int

    @property
    def is_nan(self) -> bool:
        return self.kind in (Kind.QUIET, Kind.SIGNALING)


def unpack(format: Format, bits: int, zeros: bool = False) -> Number:
    """The number that `bits` encode; `zeros`: denormals become zeros (DAZ)."""
    sign = bits >> format.exponent_bits + format.fraction_bits & 1
    field = bits >> format.fraction_bits & (1 << format.exponent_bits) - 1
    significand = bits & (1 << format.fraction_bits) - 1
    integer_bit = 1 << format.precision - 1
    if format.explicit:
        if field and not significand & integer_bit:
            return Number(Kind.UNSUPPORTED, sign, 0, significand, False, bits)
    elif field:
        significand |= integer_bit
    if field == (1 << format.exponent_bits) - 1:
        if significand == integer_bit:
            return Number(Kind.INFINITE, sign, 0, 0, False, bits)
        kind = Kind.QUIET if significand & format.quiet_bit else Kind.SIGNALING
        return Number(kind, sign, 0, significand, False, bits)
    if not significand or (not field and zeros):
        return Number(Kind.ZERO, sign, 0, 0, False, bits)
    exponent = max(field, 1) - format.bias - format.precision + 1
    return Number(Kind.FINITE, sign, exponent, significand, not field, bits)
