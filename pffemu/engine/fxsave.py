"""Converts `SavedRegisters.floating` to the 512 bytes that FXSAVE writes (SDM vol. 1, FXSAVE area), and back."""

from __future__ import annotations

import struct
from typing import Final

SIZE: Final = 512  # bytes
MXCSR_RESET: Final = 0x1F80
MXCSR_MASK: Final = 0xFFFF
_FCW_RESET: Final = 0x37F
SLOT: Final = 16  # bytes of each register in `SavedRegisters.floating`
X87_AT: Final = 16 * SLOT  # behind XMM0 to XMM15: R0 to R7, then FSW, FCW, FTW, MXCSR
WORDS_AT: Final = X87_AT + 8 * SLOT
_ST_AT: Final = 32  # of the FXSAVE area
_XMM_AT: Final = 160
_LENGTH: Final = WORDS_AT + 4 * SLOT
_REGISTERS: Final = struct.Struct("<" + 8 * "10s6x")  # x87 registers, here as there
_CONTROL: Final = struct.Struct("<I12xI12xI12xI12x")
_PRESENT: Final = bytes(sum((tags >> 2 * n & 3 != 3) << n for n in range(4)) for tags in range(256))  # of four tags
_TAGS: Final = tuple(sum((0 if present >> n & 1 else 3) << 2 * n for n in range(8)) for present in range(256))


def to_fxsave(floating: bytes) -> bytes:
    fsw, fcw, ftw, mxcsr = _CONTROL.unpack_from(floating, WORDS_AT)
    present = _PRESENT[ftw & 0xFF] | _PRESENT[ftw >> 8 & 0xFF] << 4
    area = bytearray(SIZE)
    struct.pack_into("<HHB", area, 0, fcw & 0xFFFF, fsw & 0xFFFF, present)
    struct.pack_into("<II", area, 24, mxcsr, MXCSR_MASK)
    registers, top = _REGISTERS.unpack_from(floating, X87_AT), fsw >> 11 & 7  # ST(0) is register `top`
    _REGISTERS.pack_into(area, _ST_AT, *registers[top:], *registers[:top])
    area[_XMM_AT : _XMM_AT + X87_AT] = floating[:X87_AT]
    return bytes(area)


def from_fxsave(area: bytes) -> bytes:
    """The floating part from FXSAVE's 512 bytes. Reserved bits of MXCSR are dropped."""
    fcw, fsw, present = struct.unpack_from("<HHB", area, 0)
    (mxcsr,) = struct.unpack_from("<I", area, 24)
    floating = bytearray(_LENGTH)
    floating[:X87_AT] = area[_XMM_AT : _XMM_AT + X87_AT]
    stack, top = _REGISTERS.unpack_from(area, _ST_AT), fsw >> 11 & 7
    _REGISTERS.pack_into(floating, X87_AT, *stack[8 - top :], *stack[: 8 - top])
    _CONTROL.pack_into(floating, WORDS_AT, fsw, fcw, _TAGS[present], mxcsr & MXCSR_MASK)
    return bytes(floating)


def _reset_area() -> bytes:
    area = bytearray(SIZE)
    struct.pack_into("<H", area, 0, _FCW_RESET)
    struct.pack_into("<I", area, 24, MXCSR_RESET)
    return bytes(area)


RESET: Final = from_fxsave(_reset_area())  # the state after FNINIT, with MXCSR as after a reset
