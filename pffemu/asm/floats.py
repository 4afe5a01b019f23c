"""Floating-point numbers in sources, rounded to the nearest IEEE 754 number (ties to even)."""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction
from typing import Final

from pffemu.errors import AssemblyError

_NUMBER: Final = re.compile(
    r"([-+]?)(?:0[dDfFrR]:?)?([-+]?)((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,5})?|inf(?:inity)?|nan)", re.I | re.ASCII
)
_LONGEST: Final = 1000  # characters
_INFINITY: Final = {4: 0x7F80_0000, 8: 0x7FF0_0000_0000_0000}
_QUIET_NAN: Final = {4: 0x7FC0_0000, 8: 0x7FF8_0000_0000_0000}


def encode(text: str, size: int) -> bytes:
    """`text` as a float of `size` (4 or 8) bytes. Raises AssemblyError for what is not a number, or too large."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > _LONGEST or (match[1] and match[2]):
        raise AssemblyError(f"{text[:40]!r} is not a floating-point number", remedy="write 1.5, -2e-3, inf or nan")
    negative, digits = "-" in match[1] + match[2], match[3].lower()
    if digits.startswith("inf"):
        bits = _INFINITY[size]
    elif digits == "nan":
        bits = _QUIET_NAN[size]
    else:
        bits = _nearest(digits, size)
    return (bits | negative << 8 * size - 1).to_bytes(size, "little")


def _nearest(digits: str, size: int) -> int:
    """The nearest number's bits. A float is not computed from a double: that would round twice."""
    double = float(digits)
    if math.isinf(double):
        raise AssemblyError(f"{digits} is too large", remedy="write inf if that is meant")
    if size == 8:
        return int.from_bytes(struct.pack("<d", double), "little")
    exact = Fraction(digits)
    try:
        bits = int.from_bytes(struct.pack("<f", double), "little")
    except OverflowError:
        raise AssemblyError(f"{digits} is too large for 4 bytes", remedy="use .double, or write inf") from None
    around = (near for near in (bits - 1, bits, bits + 1) if 0 <= near < _INFINITY[4])
    return min(around, key=lambda near: (abs(_value(near) - exact), near & 1))


def _value(bits: int) -> Fraction:
    return Fraction(struct.unpack("<f", bits.to_bytes(4, "little"))[0])
