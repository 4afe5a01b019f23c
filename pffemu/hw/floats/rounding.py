"""Rounds an exact number to a format, with the exceptions of that (SDM vol. 1, 4.8.4 and 4.9.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.arch.floats import OE, PE, UE
from pffemu.hw.floats.formats import Format

NEAREST, DOWN, UP, TO_ZERO = range(4)  # values of RC
GUARD: Final = 3  # bits behind a significand that are enough to round it, the last one sticky


class Rounding(NamedTuple):
    """How to round. `precision`: bits, 0: the format's; `flush`: tiny results become 0; `unmasked`: exceptions."""

    mode: int = NEAREST
    precision: int = 0
    flush: bool = False
    unmasked: int = 0


class Rounded(NamedTuple):
    """A rounded result. `up`: its magnitude was rounded up (C1 of x87)."""

    bits: int
    flags: int
    up: bool = False


def integral(sign: int, significand: int, shift: int, mode: int) -> tuple[int, bool]:
    """`significand` / 2 ^ `shift` as an integer, and whether it is inexact."""
    if shift <= 0:
        return significand << -shift, False
    whole, rest = significand >> shift, significand & (1 << shift) - 1
    if not rest:
        return whole, False
    half = 1 << shift - 1
    to_nearest = rest > half or bool(rest == half and whole & 1)
    return whole + (to_nearest if mode == NEAREST else mode == (DOWN if sign else UP)), True


def rounded(format: Format, sign: int, significand: int, exponent: int, how: Rounding) -> Rounded:
    """`significand` * 2 ^ `exponent`, not zero, in `format`. A `significand` cut short has a sticky last bit."""
    precision = how.precision or format.precision
    excess = significand.bit_length() - precision
    whole, inexact = integral(sign, significand, excess, how.mode)
    up = whole << excess > significand if excess > 0 else False
    if whole.bit_length() > precision:
        whole, excess = whole >> 1, excess + 1
    top = exponent + excess + precision - 1  # the exponent of its first bit
    flags = PE if inexact else 0
    if top < format.smallest:
        if how.unmasked & UE:
            return _scaled(format, sign, whole, precision, top, Rounded(0, flags | UE, up), 1)
        if how.flush:
            return Rounded(format.zero(sign), UE | PE)
        return _denormal(format, sign, significand, exponent, precision, how.mode)
    if top > format.bias:
        if how.unmasked & OE:
            return _scaled(format, sign, whole, precision, top, Rounded(0, flags | OE, up), -1)
        grows = how.mode == NEAREST or how.mode == (DOWN if sign else UP)
        limit = format.infinity(sign) if grows else _largest(format, sign, precision)
        return Rounded(limit, OE | PE, grows)
    return Rounded(_packed(format, sign, whole, precision, top + format.bias), flags, up)


def _packed(format: Format, sign: int, whole: int, precision: int, field: int) -> int:
    return format.finite(sign, field, whole << format.precision - precision)


def _largest(format: Format, sign: int, precision: int) -> int:
    dropped = (1 << format.precision - precision) - 1
    return format.largest(sign) & ~dropped


def _denormal(format: Format, sign: int, significand: int, exponent: int, precision: int, mode: int) -> Rounded:
    """A tiny result, as a denormal or zero."""
    last = format.smallest - precision + 1
    whole, inexact = integral(sign, significand, last - exponent, mode)
    up = inexact and whole << last - exponent > significand
    whole <<= format.precision - precision
    normal = whole >> format.precision - 1  # 1 if rounding has made it normal
    return Rounded(format.finite(sign, normal, whole), UE | PE if inexact else 0, up)


def _scaled(
    format: Format, sign: int, whole: int, precision: int, top: int, result: Rounded, direction: int
) -> Rounded:
    """The result of an unmasked overflow or underflow: its exponent is biased into range, as in x87 registers."""
    field = top + format.bias + direction * (3 << format.exponent_bits - 2)
    if not 0 < field < (1 << format.exponent_bits) - 1:  # FSCALE and CVTSD2SS: too far for the bias
        bits = format.zero(sign) if direction > 0 else format.infinity(sign)
        return Rounded(bits, result.flags | (PE if format.explicit else 0), direction < 0)
    return result._replace(bits=_packed(format, sign, whole, precision, field))
