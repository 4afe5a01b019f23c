"""FPREM, FPREM1, FSCALE and FXTRACT: exact integer arithmetic (SDM vol. 2)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.floats import C0, C1, C2, C3, DE, IE, ZE
from pffemu.hw.floats.arithmetic import larger_nan
from pffemu.hw.floats.formats import F80, Kind, Number
from pffemu.hw.floats.rounding import NEAREST, Rounded, Rounding, integral, rounded
from pffemu.hw.floats.x87 import X87

_MOST: Final = 64  # bits of a quotient that one step can find
_FAR: Final = 1 << 16  # more than any number's exponent


def nans(unit: X87, target: int, a: Number | None, b: Number | None) -> bool:
    """True when an operand is empty, unsupported or a NaN; the result is then in ST(`target`)."""
    if a is None or b is None:
        unit.registers.set_st(target, unit.stack_fault())
    elif Kind.UNSUPPORTED in (a.kind, b.kind):
        unit.put(target, Rounded(F80.indefinite, IE))
    elif a.is_nan or b.is_nan:
        flags = IE if Kind.SIGNALING in (a.kind, b.kind) else 0
        unit.put(target, Rounded(larger_nan(F80, a, b), flags))
    else:
        return False
    return True


def remainder(unit: X87, *, nearest: bool) -> None:
    """ST(0) less a multiple of ST(1): the quotient is truncated (FPREM) or the nearest (FPREM1)."""
    a, b = unit.number(0), unit.number(1)
    unit.set(C2, 0)
    if nans(unit, 0, a, b) or a is None or b is None:
        return
    if a.kind is Kind.INFINITE or b.kind is Kind.ZERO:
        unit.put(0, Rounded(F80.indefinite, IE))
        return
    flags = DE if a.denormal or b.denormal else 0
    if a.kind is Kind.ZERO or b.kind is Kind.INFINITE:
        unit.put(0, Rounded(a.bits | _pseudo_denormal(a.bits) << 64, flags))  # the same number as a normal one
        unit.set(C0 | C1 | C2 | C3, 0)
        return
    distance = _top(a) - _top(b)
    if distance >= _MOST:
        _partial(unit, a, b, distance, flags)
        return
    exponent = min(a.exponent, b.exponent)
    dividend, divisor = a.significand << a.exponent - exponent, b.significand << b.exponent - exponent
    quotient, rest = divmod(dividend, divisor)
    sign = a.sign
    if nearest and (2 * rest > divisor or (2 * rest == divisor and quotient & 1)):
        quotient, rest, sign = quotient + 1, divisor - rest, 1 - sign
    unit.put(0, _result(unit, sign, rest, exponent, flags, zero_sign=a.sign))
    bits = (C0 if quotient & 4 else 0) | (C3 if quotient & 2 else 0) | (C1 if quotient & 1 else 0)
    unit.set(C0 | C1 | C2 | C3, bits)


def _pseudo_denormal(bits: int) -> int:
    """1 for a pseudo-denormal: a number with an integer bit and an exponent field of 0; else 0."""
    return bits >> 63 & 1 if not bits >> 64 & 0x7FFF else 0


def _partial(unit: X87, a: Number, b: Number, distance: int, flags: int) -> None:
    """A partial remainder, for exponents too far apart for one step: reduce by 32 to 63, and set C2."""
    step = 32 + distance % 32
    shift = distance - step
    exponent = min(a.exponent, b.exponent + shift)
    rest = (a.significand << a.exponent - exponent) % (b.significand << b.exponent + shift - exponent)
    unit.put(0, _result(unit, a.sign, rest, exponent, flags, zero_sign=a.sign))
    unit.set(C0 | C1 | C2 | C3, C2)


def _result(unit: X87, sign: int, rest: int, exponent: int, flags: int, *, zero_sign: int) -> Rounded:
    if not rest:
        return Rounded(F80.zero(zero_sign), flags)
    result = rounded(F80, sign, rest, exponent, unit.how)
    return result._replace(flags=result.flags | flags)


def _top(number: Number) -> int:
    """The exponent of its first bit."""
    return number.exponent + number.significand.bit_length() - 1


def scale(unit: X87) -> None:
    """FSCALE: ST(0) times two to the power of ST(1), truncated."""
    a, b = unit.number(0), unit.number(1)
    if nans(unit, 0, a, b) or a is None or b is None:
        return
    flags = DE if a.denormal or b.denormal else 0
    if b.kind is Kind.INFINITE:
        invalid = a.kind is (Kind.INFINITE if b.sign else Kind.ZERO)
        bits = F80.zero(a.sign) if b.sign else F80.infinity(a.sign)
        unit.put(0, Rounded(F80.indefinite, IE) if invalid else Rounded(bits, flags))
    elif a.kind is not Kind.FINITE:
        unit.put(0, Rounded(a.bits, flags))
    else:
        power = 0 if b.kind is Kind.ZERO else _FAR if _top(b) > 16 else integral(0, b.significand, -b.exponent, 3)[0]
        power = -power if b.sign else power
        result = rounded(F80, a.sign, a.significand, a.exponent + power, unit.how)
        unit.put(0, result._replace(flags=result.flags | flags))


def extract(unit: X87) -> None:
    """FXTRACT: the exponent replaces ST(0), the significand is pushed."""
    number = unit.number(0)
    if number is None or not unit.has_room():
        bits = unit.stack_fault(overflow=number is not None)
        unit.registers.set_st(0, bits)
        unit.push(bits)
        return
    if number.kind in (Kind.UNSUPPORTED, Kind.QUIET, Kind.SIGNALING):
        invalid = number.kind is not Kind.QUIET
        bits = number.bits | F80.quiet_bit if number.is_nan else F80.indefinite
        pair = Rounded(bits, IE if invalid else 0), bits
    elif number.kind is Kind.INFINITE:
        pair = Rounded(F80.infinity(0), 0), number.bits
    elif number.kind is Kind.ZERO:
        pair = Rounded(F80.infinity(1), ZE), number.bits
    else:
        top = _top(number)
        exponent = rounded(F80, int(top < 0), abs(top), 0, Rounding(NEAREST)).bits if top else F80.zero(0)
        significand = rounded(F80, number.sign, number.significand, number.exponent - top, Rounding(NEAREST)).bits
        pair = Rounded(exponent, DE if number.denormal else 0), significand
    unit.put(0, pair[0])
    unit.push(pair[1])
