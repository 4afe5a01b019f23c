"""FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X and FYL2XP1, rounded correctly (SDM vol. 2; vol. 1, 8.3.8).

Hardware may differ by one unit in the last place. Arguments are reduced by a pi of 66 bits, as on Intel's CPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pffemu.arch.floats import C1, C2, DE, IE, PE, TRANSCENDENTAL, ZE
from pffemu.hw.floats import series
from pffemu.hw.floats.formats import F80, Kind, Number
from pffemu.hw.floats.remainder import nans
from pffemu.hw.floats.rounding import Rounded, rounded
from pffemu.hw.floats.x87 import X87

_BITS: Final = 256  # of fixed point, behind the first bit of the argument
_TINY: Final = -70  # for smaller exponents, the function is its first term, except for rounding
_PI_66: Final = 0x3_243F_6A88_85A3_08D3  # times 2 ^ -64
_PI_AT: Final = 64
_LIMIT: Final = 63  # FSIN takes no argument of 2 ^ 63 and more
_ONE: Final = F80.finite(0, F80.bias, 1 << 63)


def _top(number: Number) -> int:
    return number.exponent + number.significand.bit_length() - 1


def _nearly(unit: X87, number: Number, *, above: bool) -> Rounded:
    """A number a little larger or smaller in magnitude than `number`."""
    significand = (number.significand << 80) + (1 if above else -1)
    return rounded(F80, number.sign, significand, number.exponent - 80, unit.how)


def _fixed(unit: X87, value: int, bits: int) -> Rounded:
    """An inexact result in fixed point."""
    result = rounded(F80, int(value < 0), abs(value) << 1 | 1, -bits - 1, unit.how)
    return result._replace(flags=result.flags | PE)


def _with(result: Rounded, *operands: Number) -> Rounded:
    return result._replace(flags=result.flags | DE) if any(number.denormal for number in operands) else result


# -- sine, cosine, tangent --------------------------------------------------------------------------------------


def _reduced(number: Number) -> tuple[int, int, int]:
    """(quadrant, rest of |number| in fixed point, bits of the fixed point): rest < pi / 2."""
    bits = _BITS + max(0, -_top(number))
    # the quarter circle times 2 ^ bits is exact, and so is the argument
    circle, value = _PI_66 << bits - _PI_AT - 1, number.significand << number.exponent + bits
    quadrant, rest = divmod(value, circle)
    return quadrant & 3, rest, bits


def _both(number: Number) -> tuple[int, int, int]:
    """Sine and cosine of a number that is neither zero nor tiny, and the bits of their fixed point."""
    quadrant, rest, bits = _reduced(number)
    half = rest >> 1  # halved to be below 1; the double-angle formulas undo that
    s, c = series.sine_and_cosine(half, bits)
    sine, cosine = s * c >> bits - 1, (c * c - s * s) >> bits
    for _ in range(quadrant):
        sine, cosine = cosine, -sine
    return (-sine if number.sign else sine), cosine, bits


def _argument(unit: X87, *, pushes: bool = False) -> Number | None:
    """ST(0), if it has a sine; else None, and the response is in place."""
    number = unit.number(0)
    unit.set(C2, 0)
    if number is None or (pushes and not unit.has_room()):
        bits = unit.stack_fault(overflow=number is not None)
        unit.registers.set_st(0, bits)
        if pushes:
            unit.push(bits)
        return None
    if number.kind in (Kind.FINITE, Kind.ZERO) and (number.kind is Kind.ZERO or _top(number) < _LIMIT):
        return number
    if number.kind is Kind.FINITE:
        unit.set(C1 | C2, C2)
        return None
    if number.is_nan:
        unit.put(0, Rounded(number.bits | F80.quiet_bit, IE if number.kind is Kind.SIGNALING else 0))
    else:
        unit.put(0, Rounded(F80.indefinite, IE))
    if pushes:
        unit.push(unit.registers.st(0))
    return None


def _sine(unit: X87, number: Number) -> Rounded:
    if number.kind is Kind.ZERO:
        return Rounded(number.bits, 0)
    if _top(number) < _TINY:
        return _with(_nearly(unit, number, above=False), number)
    value, _, bits = _both(number)
    return _fixed(unit, value, bits)


def _cosine(unit: X87, number: Number) -> Rounded:
    if number.kind is Kind.ZERO:
        return Rounded(_ONE, 0)
    if _top(number) < _TINY:
        return _with(_fixed(unit, (1 << _BITS) - 1, _BITS), number)
    _, value, bits = _both(number)
    return _fixed(unit, value, bits)


def _fsin(unit: X87) -> None:
    number = _argument(unit)
    if number is not None:
        unit.put(0, _sine(unit, number))


def _fcos(unit: X87) -> None:
    number = _argument(unit)
    if number is not None:
        unit.put(0, _cosine(unit, number))


def _fsincos(unit: X87) -> None:
    number = _argument(unit, pushes=True)
    if number is not None:
        sine, cosine = _sine(unit, number), _cosine(unit, number)
        unit.put(0, sine._replace(flags=sine.flags | cosine.flags, up=cosine.up))
        unit.push(cosine.bits)


def _fptan(unit: X87) -> None:
    number = _argument(unit, pushes=True)
    if number is None:
        return
    if number.kind is Kind.ZERO:
        result = Rounded(number.bits, 0)
    elif _top(number) < _TINY:
        result = _with(_nearly(unit, number, above=True), number)
    else:
        sine, cosine, bits = _both(number)
        negative = (sine < 0) != (cosine < 0)
        quotient = (abs(sine) << bits) // abs(cosine)
        result = _fixed(unit, -quotient if negative else quotient, bits)
    unit.put(0, result)
    unit.push(_ONE)


# -- arc tangent ------------------------------------------------------------------------------------------------


def _pi_times(unit: X87, sign: int, quarters: int) -> Rounded:
    """`quarters` times pi / 4."""
    value = quarters * series.pi(_BITS) >> 2
    return _fixed(unit, -value if sign else value, _BITS)


def _fpatan(unit: X87) -> None:
    """ST(1) becomes atan2(ST(1), ST(0)); ST(0) is popped."""
    x, y = unit.number(0), unit.number(1)
    if not nans(unit, 1, y, x) and x is not None and y is not None:
        unit.put(1, _with(_angle(unit, x, y), x, y))
    unit.pop()


def _angle(unit: X87, x: Number, y: Number) -> Rounded:
    infinite = Kind.INFINITE
    if y.kind is infinite:
        return _pi_times(unit, y.sign, (3 if x.sign else 1) if x.kind is infinite else 2)
    if y.kind is Kind.ZERO or x.kind is infinite:
        return _pi_times(unit, y.sign, 4) if x.sign else Rounded(F80.zero(y.sign), 0)
    if x.kind is Kind.ZERO:
        return _pi_times(unit, y.sign, 2)
    gap = _top(y) - _top(x)
    if gap < _TINY and not x.sign:
        shift = 200 + x.significand.bit_length()
        quotient = (y.significand << shift) // x.significand
        exact = quotient * x.significand == y.significand << shift
        below = (quotient << 1) - 1 if exact else quotient << 1 | 1
        return rounded(F80, y.sign, below, y.exponent - x.exponent - shift - 1, unit.how)
    bits = _BITS + 128  # where the gap is wider, the result is next to a multiple of pi / 2
    smaller, larger = (y, x) if gap < 0 or (gap == 0 and y.significand <= x.significand) else (x, y)
    exponent = min(x.exponent, y.exponent)
    up, down = (number.significand << number.exponent - exponent for number in (smaller, larger))
    if up > down:
        up, down, smaller = down, up, larger
    angle = series.arctangent((up << bits) // down, bits)
    if smaller is x:
        angle = (series.pi(bits) >> 1) - angle
    if x.sign:
        angle = series.pi(bits) - angle
    return _fixed(unit, -angle if y.sign else angle, bits)


# -- powers and logarithms --------------------------------------------------------------------------------------


def _f2xm1(unit: X87) -> None:
    """2 ^ ST(0) - 1, for -1 to 1."""
    number = unit.number(0)
    if number is None:
        unit.registers.set_st(0, unit.stack_fault())
    elif number.kind in (Kind.UNSUPPORTED, Kind.SIGNALING):
        unit.put(0, Rounded(number.bits | F80.quiet_bit if number.is_nan else F80.indefinite, IE))
    elif number.kind is Kind.INFINITE:
        unit.put(0, Rounded(F80.finite(1, F80.bias, 1 << 63) if number.sign else number.bits, 0))
    elif number.kind is not Kind.FINITE:
        unit.put(0, Rounded(number.bits, 0))
    elif _top(number) > 0 or (_top(number) == 0 and number.significand & (1 << 63) - 1):
        unit.put(0, Rounded(number.bits, PE))  # undefined
    elif _top(number) == 0:
        unit.put(0, Rounded(F80.finite(1, F80.bias - 1, 1 << 63) if number.sign else number.bits, 0))
    else:
        bits = _BITS + max(0, -_top(number))
        argument = number.significand << number.exponent + bits
        argument = (-argument if number.sign else argument) * series.ln2(_BITS) >> _BITS
        unit.put(0, _with(_fixed(unit, series.exponential_less_one(argument, bits), bits), number))


def _times(unit: X87, y: Number, logarithm: int, bits: int) -> Rounded:
    """y times a base-2 logarithm in fixed point."""
    sign = y.sign ^ int(logarithm < 0)
    result = rounded(F80, sign, y.significand * abs(logarithm) << 1 | 1, y.exponent - bits - 1, unit.how)
    return result._replace(flags=result.flags | PE)


def _infinite_product(sign: int) -> Rounded:
    return Rounded(F80.infinity(sign), 0)


def _fyl2x(unit: X87) -> None:
    """ST(1) becomes ST(1) * log2(ST(0)); ST(0) is popped."""
    x, y = unit.number(0), unit.number(1)
    if not nans(unit, 1, y, x) and x is not None and y is not None:
        unit.put(1, _logarithm_times(unit, x, y))
    unit.pop()


def _logarithm_times(unit: X87, x: Number, y: Number) -> Rounded:
    invalid = Rounded(F80.indefinite, IE)
    if x.kind is Kind.ZERO:
        if y.kind is Kind.ZERO:
            return invalid
        return Rounded(F80.infinity(1 - y.sign), ZE if y.kind is Kind.FINITE else 0)
    if x.sign:
        return invalid
    if x.kind is Kind.INFINITE:
        return invalid if y.kind is Kind.ZERO else _with(_infinite_product(y.sign), y)
    power, fraction = _top(x), x.significand
    one = power == 0 and fraction & fraction - 1 == 0
    below_one = power < 0
    if y.kind is Kind.INFINITE:
        return invalid if one else _with(_infinite_product(y.sign ^ int(below_one)), x)
    if one or y.kind is Kind.ZERO:
        return _with(Rounded(F80.zero(y.sign ^ int(below_one)), 0), x, y)
    if not fraction & fraction - 1:
        return _with(rounded(F80, y.sign ^ int(power < 0), y.significand * abs(power), y.exponent, unit.how), x, y)
    return _with(_times(unit, y, _log2(fraction, x.exponent), _BITS), x, y)


def _log2(significand: int, exponent: int) -> int:
    """The base-2 logarithm of significand * 2 ^ exponent, in fixed point."""
    length = significand.bit_length()
    power = exponent + length - 1
    if significand * significand >> 2 * length - 1:  # above the square root of 1/2: use the next power of two
        power, length = power + 1, length + 1
    unity = 1 << length - 1
    ratio = (significand - unity << _BITS) // (significand + unity)
    return (power << _BITS) + (2 * series.inverse_hyperbolic_tangent(ratio, _BITS) << _BITS) // series.ln2(_BITS)


def _fyl2xp1(unit: X87) -> None:
    """ST(1) becomes ST(1) * log2(ST(0) + 1); ST(0) is popped."""
    x, y = unit.number(0), unit.number(1)
    if not nans(unit, 1, y, x) and x is not None and y is not None:
        unit.put(1, _logarithm_of_more(unit, x, y))
    unit.pop()


def _logarithm_of_more(unit: X87, x: Number, y: Number) -> Rounded:
    invalid = Rounded(F80.indefinite, IE)
    if x.kind is Kind.INFINITE:
        return invalid if x.sign or y.kind is Kind.ZERO else _infinite_product(y.sign)
    if x.kind is Kind.ZERO or y.kind is Kind.ZERO:
        return invalid if y.kind is Kind.INFINITE else _with(Rounded(F80.zero(x.sign ^ y.sign), 0), x, y)
    if x.sign and _top(x) >= 0:  # undefined
        return invalid
    if y.kind is Kind.INFINITE:
        return _with(_infinite_product(x.sign ^ y.sign), x)
    if _top(x) >= 0:  # undefined, too
        with_one = x.significand + (1 << -x.exponent) if x.exponent <= 0 else x.significand
        return _with(_times(unit, y, _log2(with_one, x.exponent), _BITS), x, y)
    bits = _BITS + max(0, -_top(x))
    value = x.significand << x.exponent + bits
    value = -value if x.sign else value
    ratio = (value << bits) // (value + (2 << bits))
    logarithm = (2 * series.inverse_hyperbolic_tangent(ratio, bits) << _BITS) // series.ln2(_BITS)
    return _with(_times(unit, y, logarithm, bits), x, y)


_IN_ORDER: Final = (_fsin, _fcos, _fsincos, _fptan, _fpatan, _f2xm1, _fyl2x, _fyl2xp1)
FUNCTIONS: Final[dict[str, Callable[[X87], None]]] = dict(zip(TRANSCENDENTAL, _IN_ORDER, strict=True))
