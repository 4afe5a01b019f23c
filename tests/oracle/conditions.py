"""What a rule may ask of a case: how its instruction is written, or what it met."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Final

from iced_x86 import Mnemonic

from tests.oracle.compare import Difference
from tests.oracle.families import prefixes
from tests.oracle.generate import Made
from tests.oracle.values import AC

_LOCK, _FS, _GS, _OPERAND_SIZE, _ADDRESS_SIZE = 0xF0, 0x64, 0x65, 0x66, 0x67
_LEGACY_SEGMENTS: Final = {0x26, 0x2E, 0x36, 0x3E}
_REPEATS: Final = {0xF2, 0xF3}
_DE, _DAZ, _FTZ = 1 << 1, 1 << 6, 1 << 15
_UE, _PE, _ES, _C1, _BUSY = 1 << 4, 1 << 5, 1 << 7, 1 << 9, 1 << 15
_ST0_AT: Final = 32  # in FXSAVE's area
_BIAS: Final = 0x3FFF
_CIRCULAR: Final = (Mnemonic.FSIN, Mnemonic.FCOS, Mnemonic.FSINCOS, Mnemonic.FPTAN)
_ROUNDED_ARGUMENT: Final = Fraction(1, 1 << 67)
_GP, _PF, _UD = "SIGSEGV.128.13", "SIGSEGV.1.14", "SIGILL.2.6"
_REX: Final = range(0x40, 0x50)
_PREFIXES: Final = bytes((*_LEGACY_SEGMENTS, *_REPEATS, _LOCK, _FS, _GS, _OPERAND_SIZE, _ADDRESS_SIZE, *_REX))
_EVEX: Final = b"\x62"
_XOP_MAP, _FIRST_XOP_MAP = 0x1F, 8


def checks_alignment(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    return bool(made.case.rflags & AC)


def is_refused_here(_made: Made, _difference: Difference, found: list[Difference]) -> bool:
    return any(other.kind == "signal" and other.ours == _GP != other.right for other in found)


def needs_a_base(made: Made, _difference: Difference, found: list[Difference]) -> bool:
    based = {_FS, _GS}.intersection(prefixes(made.case.code))
    return bool(based) and any(other.kind == "signal" and (other.right, other.ours) == (_GP, _PF) for other in found)


def is_xop_or_evex(made: Made, _difference: Difference, found: list[Difference]) -> bool:
    """62, or 8F whose ModRM would be the first byte of an XOP prefix: map 8 or more."""
    code = made.case.code.lstrip(_PREFIXES)
    raised = any(other.kind == "signal" and (other.right, other.ours) == (_GP, _UD) for other in found)
    return raised and (code[:1] == _EVEX or (code[:1] == b"\x8f" and code[1] & _XOP_MAP >= _FIRST_XOP_MAP))


def is_denormal(made: Made, difference: Difference, _found: list[Difference]) -> bool:
    """MXCSR's DE alone; or, with FTZ or DAZ, a result."""
    if difference.kind == "mxcsr":
        return int(difference.right, 16) ^ int(difference.ours, 16) == _DE
    return bool(int.from_bytes(made.case.fx[24:28], "little") & (_FTZ | _DAZ))


def is_inexact(_made: Made, difference: Difference, _found: list[Difference]) -> bool:
    """MXCSR's PE alone."""
    return int(difference.right, 16) ^ int(difference.ours, 16) == _PE


def are_nans(_made: Made, difference: Difference, _found: list[Difference]) -> bool:
    """Every lane that differs is a NaN on both sides: of singles, or of doubles."""
    right, ours = (int(text, 16) for text in (difference.right, difference.ours))
    return any(
        _differ_in_nans(right, ours, bits, exponent) for bits, exponent in ((32, 0x7F80_0000), (64, 0x7FF << 52))
    )


def is_last_bit(made: Made, difference: Difference, _found: list[Difference]) -> bool:
    """A result by four units in the last place at most, or what tells of rounding: PE, with ES and B, and C1.

    Four: the host rounds reduced arguments, too, to about 68 bits, which are more units where a sine is near zero.
    UE goes with PE where a denormal result is exact.
    """
    right, ours = (int(text, 16) for text in (difference.right, difference.ours))
    if difference.kind == "st":
        few = abs(_in_units(right) - _in_units(ours)) <= 4
        return few or (_is_reduced(made) and _are_near(_value(right), _value(ours)))
    rounding = _PE | _C1 | (_UE | _ES | _BUSY if (right ^ ours) & _PE else 0)
    return not (right ^ ours) & ~rounding


def _is_reduced(made: Made) -> bool:
    """The sine, cosine or tangent of 0.5 and more."""
    exponent = int.from_bytes(made.case.fx[_ST0_AT + 8 : _ST0_AT + 10], "little") & 0x7FFF
    return made.instructions[0].mnemonic in _CIRCULAR and exponent >= _BIAS - 1


def _are_near(one: Fraction, other: Fraction) -> bool:
    """Sines, or tangents, also where these are large, of arguments that differ by what rounding one makes."""
    large = min(abs(one), abs(other)) > 1
    return abs(1 / one - 1 / other if large else one - other) <= _ROUNDED_ARGUMENT


def _value(bits: int) -> Fraction:
    magnitude = (bits & (1 << 64) - 1) * Fraction(2) ** ((bits >> 64 & 0x7FFF) - _BIAS - 63)
    return -magnitude if bits >> 79 else magnitude


def _in_units(bits: int) -> int:
    """80-bit numbers in their order: without the integer bit, which a normal number always has."""
    return bits >> 64 << 63 | bits & (1 << 63) - 1


def is_far_from_zero(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    """ST(0) is at least 1 - sqrt(1/2) in magnitude, about 0.29 (SDM vol. 2, FYL2XP1)."""
    significand, exponent = struct.unpack_from("<QH", made.case.fx, _ST0_AT)
    return (exponent & 0x7FFF, significand) >= (_BIAS - 2, 0x95F6_1998_0C43_36F7)


def _differ_in_nans(right: int, ours: int, bits: int, exponent: int) -> bool:
    lanes = [(right >> at & (1 << bits) - 1, ours >> at & (1 << bits) - 1) for at in range(0, 128, bits)]
    return all(one == other or (one & exponent == exponent and other & exponent == exponent) for one, other in lanes)
