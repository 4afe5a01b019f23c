"""Addition to square root, comparison and conversion of one number: result and exceptions (SDM vol. 1, 4.9)."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import Final

from pffemu.arch.floats import DE, IE, PE, ZE
from pffemu.hw.floats.formats import F80, Format, Kind, Number
from pffemu.hw.floats.rounding import DOWN, GUARD, Rounded, Rounding, integral, rounded

Choose = Callable[[Format, Number, Number], int]  # the bits of a result of which an operand is a NaN
LESS: Final = -1
EQUAL: Final = 0
GREATER: Final = 1
UNORDERED: Final = 2
_OF_NO_NUMBER: Final = (Kind.SIGNALING, Kind.UNSUPPORTED)


def quiet(format: Format, number: Number) -> int:
    """The bits of a NaN, made quiet."""
    return number.bits | format.quiet_bit


def first_nan(format: Format, a: Number, b: Number) -> int:
    """The NaN that SSE chooses: the first one."""
    return quiet(format, a if a.is_nan else b)


def larger_nan(format: Format, a: Number, b: Number) -> int:
    """The NaN that x87 chooses: a quiet one before a signaling one, else the larger significand."""
    if not b.is_nan or not a.is_nan:
        return quiet(format, a if a.is_nan else b)
    if a.kind is not b.kind:
        return quiet(format, a if a.kind is Kind.QUIET else b)
    if a.significand != b.significand:
        return quiet(format, max(a, b, key=lambda number: number.significand))
    return quiet(format, a if a.sign <= b.sign else b)


def _no_numbers(format: Format, a: Number, b: Number, choose: Choose) -> Rounded | None:
    """The result when an operand is a NaN or unsupported, else None."""
    if Kind.UNSUPPORTED in (a.kind, b.kind):
        return Rounded(format.indefinite, IE)
    if a.is_nan or b.is_nan:
        return Rounded(choose(format, a, b), IE if Kind.SIGNALING in (a.kind, b.kind) else 0)
    return None


def _with_denormals(result: Rounded, *operands: Number) -> Rounded:
    """`result` with DE if an operand is denormal."""
    if any(operand.denormal for operand in operands):
        return result._replace(flags=result.flags | DE)
    return result


def add(format: Format, a: Number, b: Number, how: Rounding, choose: Choose = first_nan) -> Rounded:
    special = _no_numbers(format, a, b, choose)
    if special is not None:
        return special
    if Kind.INFINITE in (a.kind, b.kind):
        if a.kind is b.kind and a.sign != b.sign:
            return Rounded(format.indefinite, IE)
        return _with_denormals(Rounded(format.infinity(a.sign if a.kind is Kind.INFINITE else b.sign), 0), a, b)
    exponent = min(number.exponent for number in (a, b))
    total = sum((number.significand << number.exponent - exponent) * (1 - 2 * number.sign) for number in (a, b))
    if not total:
        sign = a.sign if a.sign == b.sign else int(how.mode == DOWN)
        return _with_denormals(Rounded(format.zero(sign), 0), a, b)
    return _with_denormals(rounded(format, int(total < 0), abs(total), exponent, how), a, b)


def negated(number: Number) -> Number:
    return number if number.is_nan else number._replace(sign=1 - number.sign)


def subtract(format: Format, a: Number, b: Number, how: Rounding, choose: Choose = first_nan) -> Rounded:
    return add(format, a, negated(b), how, choose)


def multiply(format: Format, a: Number, b: Number, how: Rounding, choose: Choose = first_nan) -> Rounded:
    special = _no_numbers(format, a, b, choose)
    if special is not None:
        return special
    sign, kinds = a.sign ^ b.sign, (a.kind, b.kind)
    if Kind.INFINITE in kinds:
        if Kind.ZERO in kinds:
            return Rounded(format.indefinite, IE)
        return _with_denormals(Rounded(format.infinity(sign), 0), a, b)
    product = a.significand * b.significand
    if not product:
        return _with_denormals(Rounded(format.zero(sign), 0), a, b)
    return _with_denormals(rounded(format, sign, product, a.exponent + b.exponent, how), a, b)


def divide(format: Format, a: Number, b: Number, how: Rounding, choose: Choose = first_nan) -> Rounded:
    special = _no_numbers(format, a, b, choose)
    if special is not None:
        return special
    sign = a.sign ^ b.sign
    if a.kind is b.kind and a.kind is not Kind.FINITE:
        return Rounded(format.indefinite, IE)
    if a.kind is Kind.INFINITE or b.kind is Kind.ZERO:
        divided_by_zero = b.kind is Kind.ZERO and a.kind is Kind.FINITE
        result = Rounded(format.infinity(sign), ZE if divided_by_zero else 0)
        return result if divided_by_zero else _with_denormals(result, a, b)
    if a.kind is Kind.ZERO or b.kind is Kind.INFINITE:
        return _with_denormals(Rounded(format.zero(sign), 0), a, b)
    shift = max(0, format.precision + GUARD + b.significand.bit_length() - a.significand.bit_length())
    quotient, rest = divmod(a.significand << shift, b.significand)
    return _with_denormals(
        rounded(format, sign, quotient << 1 | bool(rest), a.exponent - b.exponent - shift - 1, how), a, b
    )


def square_root(format: Format, a: Number, how: Rounding) -> Rounded:
    special = _no_numbers(format, a, a, first_nan)
    if special is not None:
        return special
    if a.kind is Kind.ZERO:
        return Rounded(format.zero(a.sign), 0)
    if a.sign:
        return Rounded(format.indefinite, IE)
    if a.kind is Kind.INFINITE:
        return Rounded(format.infinity(0), 0)
    shift = 2 * (format.precision + GUARD)
    shift += a.exponent - shift & 1
    radicand = a.significand << shift
    root = isqrt(radicand)
    return _with_denormals(
        rounded(format, 0, root << 1 | (root * root != radicand), (a.exponent - shift) // 2 - 1, how), a
    )


def compare(a: Number, b: Number) -> int:
    """LESS, EQUAL, GREATER or UNORDERED; raises nothing."""
    if a.is_nan or b.is_nan or Kind.UNSUPPORTED in (a.kind, b.kind):
        return UNORDERED
    left, right = _ordered(a, b), _ordered(b, a)
    return (left > right) - (left < right)


def _ordered(a: Number, b: Number) -> int:
    """An integer whose order is that of the numbers `a` and `b`: negative, 0 or positive."""
    if a.kind is Kind.ZERO:
        return 0
    magnitude = 1 << 2 * F80.precision if a.kind is Kind.INFINITE else 0
    if a.kind is Kind.FINITE:
        magnitude = a.significand << max(0, a.exponent - b.exponent) if b.kind is Kind.FINITE else a.significand
    return -magnitude if a.sign else magnitude


def compare_flags(a: Number, b: Number, signaling: bool) -> int:
    """The exceptions of a comparison; `signaling`: a quiet NaN is invalid, too."""
    for number in (a, b):
        if number.kind in _OF_NO_NUMBER:
            return IE
    if a.is_nan or b.is_nan:
        return IE if signaling else 0
    return DE if a.denormal or b.denormal else 0


def convert(to: Format, source: Format, a: Number, how: Rounding) -> Rounded:
    """Convert between formats."""
    if a.kind is Kind.UNSUPPORTED:
        return Rounded(to.indefinite, IE)
    if a.is_nan:
        shift = to.precision - source.precision
        payload = a.significand << shift if shift > 0 else a.significand >> -shift
        payload |= to.quiet_bit | 1 << to.precision - 1
        bits = to.finite(a.sign, (1 << to.exponent_bits) - 1, payload)
        return Rounded(bits, IE if a.kind is Kind.SIGNALING else 0)
    if a.kind is Kind.INFINITE:
        return Rounded(to.infinity(a.sign), 0)
    if a.kind is Kind.ZERO:
        return Rounded(to.zero(a.sign), 0)
    return _with_denormals(rounded(to, a.sign, a.significand, a.exponent, how), a)


def from_integer(to: Format, value: int, how: Rounding) -> Rounded:
    """Convert a signed integer."""
    if not value:
        return Rounded(to.zero(0), 0)
    return rounded(to, int(value < 0), abs(value), 0, how)


def to_integer(a: Number, width: int, mode: int) -> tuple[int, int, bool]:
    """(signed integer of `width` bits, flags, whether the magnitude grew); the smallest one when it does not fit."""
    smallest = -1 << width - 1
    if a.kind is Kind.ZERO:
        return 0, 0, False
    if a.kind is not Kind.FINITE or a.exponent > width:
        return smallest, IE, False
    whole, inexact = integral(a.sign, a.significand, min(-a.exponent, a.significand.bit_length() + 2), mode)
    value = -whole if a.sign else whole
    if not smallest <= value < -smallest:
        return smallest, IE, False
    return value, PE if inexact else 0, inexact and (whole << max(0, -a.exponent)) > a.significand


def to_integral(format: Format, a: Number, mode: int, *, denormals: bool) -> Rounded:
    """Round to an integer in the same format. `denormals`: denormal operands raise DE."""
    if a.kind in _OF_NO_NUMBER:
        bits = quiet(format, a) if a.is_nan else format.indefinite
        return Rounded(bits, IE)
    if a.kind is Kind.ZERO:
        return Rounded(format.zero(a.sign), 0)
    if a.kind is not Kind.FINITE or a.exponent >= 0:
        return Rounded(a.bits, 0)
    whole, inexact = integral(a.sign, a.significand, min(-a.exponent, a.significand.bit_length() + 2), mode)
    grew = inexact and whole << -a.exponent > a.significand if -a.exponent < 1 << 15 else inexact and whole > 0
    flags = PE if inexact else 0
    bits = rounded(format, a.sign, whole, 0, Rounding(mode)).bits if whole else format.zero(a.sign)
    result = Rounded(bits, flags, grew)
    return _with_denormals(result, a) if denormals else result
