"""Random operands: numbers at the edges of their types, floating-point values of every kind, FXSAVE areas."""

from __future__ import annotations

import struct
from random import Random
from typing import Final

from pffemu.arch.floats import FLAGS, with_summary
from pffemu.arch.rflags import AF, CF, DF, IF, OF, PF, SF, ZF

MASK: Final = (1 << 64) - 1
_EDGES: Final = tuple(
    sorted({(sign * (1 << bit) + more) & MASK for bit in (0, 4, 7, 8, 15, 16, 31, 32, 47, 63, 64) for sign in (1, -1)
            for more in (-1, 0, 1)})
)  # fmt: skip
_STATUS: Final = (CF, PF, AF, ZF, SF, OF)
AC: Final = 1 << 18
ID: Final = 1 << 21
_RESERVED_AS_READ: Final = IF | 2
_SINGLES: Final = (0, 1 << 31, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC01234, 1,
                   0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x4F000000, 0xCF000000, 0x5F000000, 0x3F000000,
                   0x3FC00000)  # fmt: skip
_DOUBLES: Final = (0, 1 << 63, 0x3FF0 << 48, 0xBFF0 << 48, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, (0x7FF0 << 48) + 1,
                   0xFFF8_0000_1234_0000, 1, 0x000F_FFFF_FFFF_FFFF, 0x0010 << 48, 0x7FEF_FFFF_FFFF_FFFF, 0x41E0 << 48,
                   0xC1E0 << 48, 0x43E0 << 48, 0xC3E0 << 48, 0x3FE0 << 48, 0x3FF8 << 48)  # fmt: skip
# sign and exponent, mantissa
_EXTENDED: Final = ((0, 0), (0x8000, 0), (0x3FFF, 1 << 63), (0xBFFF, 1 << 63), (0x7FFF, 1 << 63), (0xFFFF, 1 << 63),
                    (0x7FFF, 3 << 62), (0xFFFF, 3 << 62), (0x7FFF, (1 << 63) + 1), (0, 1), (0, MASK >> 1),
                    (0x0001, 1 << 63), (0x7FFE, MASK), (0x401E, 1 << 63), (0xC03E, 1 << 63), (0x3FFE, 1 << 63),
                    (0x4000, 0xC90F_DAA2_2168_C235))  # fmt: skip
_UNUSUAL_EXTENDED: Final = ((0, 1 << 63), (0x7FFF, 0), (0x7FFF, 1), (0x3FFF, 1), (0x4000, 0))  # pseudo, unnormal


def number(random: Random) -> int:
    """A general register's value."""
    choice = random.random()
    if choice < 0.4:
        return random.choice(_EDGES)
    return random.getrandbits(64) if choice < 0.8 else random.getrandbits(random.randrange(1, 64))


def flags(random: Random, *, checked: bool) -> int:
    """RFLAGS. `checked`: now and then with AC."""
    value = _RESERVED_AS_READ
    for flag in _STATUS:
        value |= flag if random.random() < 0.5 else 0
    value |= DF if random.random() < 0.2 else 0
    value |= AC if checked and random.random() < 0.01 else 0
    return value | (ID if random.random() < 0.05 else 0)


def sse(random: Random) -> bytes:
    """16 bytes: integers, singles or doubles."""
    choice = random.random()
    if choice < 0.3:
        return random.randbytes(16)
    if choice < 0.5:
        return struct.pack("<2Q", number(random), number(random))
    if choice < 0.75:
        return struct.pack("<4I", *(_single(random) for _ in range(4)))
    return struct.pack("<2Q", *(_double(random) for _ in range(2)))


def _single(random: Random) -> int:
    choice = random.random()
    if choice < 0.4:
        return random.choice(_SINGLES)
    sign_and_exponent = random.choice((0, 256)) + random.randrange(120, 136)
    return sign_and_exponent << 23 | random.getrandbits(23) if choice < 0.8 else random.getrandbits(32)


def _double(random: Random) -> int:
    choice = random.random()
    if choice < 0.4:
        return random.choice(_DOUBLES)
    sign_and_exponent = random.choice((0, 2048)) + random.randrange(1010, 1040)
    return sign_and_exponent << 52 | random.getrandbits(52) if choice < 0.8 else random.getrandbits(64)


def extended(random: Random) -> bytes:
    """10 bytes, as an x87 register has them."""
    choice = random.random()
    if choice < 0.35:
        top, mantissa = random.choice(_EXTENDED)
    elif choice < 0.40:
        top, mantissa = random.choice(_UNUSUAL_EXTENDED)
    else:
        spread = 20 if choice < 0.8 else 0x3F00
        top = random.choice((0, 0x8000)) + random.randrange(0x3FFF - spread, 0x3FFF + spread)
        mantissa = random.getrandbits(63) | 1 << 63
        if choice < 0.6:
            mantissa &= MASK << random.randrange(64) & MASK | 1 << 63
    return struct.pack("<QH", mantissa, top)


def fx_area(random: Random, *, plain: bool) -> bytes:
    """What FXRSTOR loads before a case. `plain`: exceptions masked, round to nearest, nothing sticky."""
    area = bytearray(512)
    control, status, mxcsr = 0x37F, random.randrange(8) << 11, 0x1F80
    if not plain:
        control = 0x7F | random.randrange(4) << 10 | random.choice((3, 3, 2, 0)) << 8
        status |= random.getrandbits(16) & 0x4700
        choice = random.random()
        if choice < 0.3:
            status |= random.getrandbits(6)
            mxcsr |= random.getrandbits(6)
        mxcsr |= random.choice((0, 0, 1, 2, 3)) << 13
        if random.random() < 0.15:
            mxcsr |= random.choice((1 << 15, 1 << 6, 1 << 15 | 1 << 6))
        if random.random() < 0.1:
            mxcsr &= ~(random.getrandbits(6) << 7)
            mxcsr &= ~63
        if random.random() < 0.1:
            control &= ~random.getrandbits(6)
            status = status & ~FLAGS | (random.getrandbits(6) if random.random() < 0.4 else 0)  # one may be pending
    status = with_summary(status, control)
    struct.pack_into("<HHB", area, 0, control, status, random.choice((0xFF, 0, random.getrandbits(8))))
    struct.pack_into("<I", area, 24, mxcsr)
    for i in range(8):
        area[32 + 16 * i : 42 + 16 * i] = _mmx_or_x87(random)
    for i in range(16):
        area[160 + 16 * i : 176 + 16 * i] = sse(random)
    return bytes(area)


def _mmx_or_x87(random: Random) -> bytes:
    return struct.pack("<QH", number(random), 0xFFFF) if random.random() < 0.3 else extended(random)
