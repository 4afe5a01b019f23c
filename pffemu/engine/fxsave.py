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


def to_fxsave(floating: bytes) -> bytes:
    fsw, fcw, ftw, mxcsr = (int.from_bytes(floating[at : at + 4], "little") for at in range(WORDS_AT, _LENGTH, SLOT))
    present = sum((ftw >> 2 * n & 3 != 3) << n for n in range(8))
    area = bytearray(SIZE)
    struct.pack_into("<HHB", area, 0, fcw & 0xFFFF, fsw & 0xFFFF, present)
    struct.pack_into("<II", area, 24, mxcsr, MXCSR_MASK)
    for n in range(8):
        at = X87_AT + SLOT * _physical(fsw, n)
        area[_ST_AT + 16 * n : _ST_AT + 16 * n + 10] = floating[at : at + 10]
    area[_XMM_AT : _XMM_AT + X87_AT] = floating[:X87_AT]
    return bytes(area)


def from_fxsave(area: bytes) -> bytes:
    """The floating part from FXSAVE's 512 bytes. Reserved bits of MXCSR are dropped."""
    fcw, fsw, present = struct.unpack_from("<HHB", area, 0)
    (mxcsr,) = struct.unpack_from("<I", area, 24)
    floating = bytearray(_LENGTH)
    floating[:X87_AT] = area[_XMM_AT : _XMM_AT + X87_AT]
    for n in range(8):
        at = X87_AT + SLOT * _physical(fsw, n)
        floating[at : at + 10] = area[_ST_AT + 16 * n : _ST_AT + 16 * n + 10]
    ftw = sum((0 if present >> n & 1 else 3) << 2 * n for n in range(8))
    for n, word in enumerate((fsw, fcw, ftw, mxcsr & MXCSR_MASK)):
        struct.pack_into("<I", floating, WORDS_AT + SLOT * n, word)
    return bytes(floating)


def _physical(fsw: int, n: int) -> int:
    """The register behind ST(n)."""
    return (fsw >> 11) + n & 7


def _reset_area() -> bytes:
    area = bytearray(SIZE)
    struct.pack_into("<H", area, 0, _FCW_RESET)
    struct.pack_into("<I", area, 24, MXCSR_RESET)
    return bytes(area)


RESET: Final = from_fxsave(_reset_area())  # the state after FNINIT, with MXCSR as after a reset
