"""Bits of MXCSR and of the x87 status and control words (SDM vol. 1, 8.1 and 10.2.3)."""

from __future__ import annotations

from typing import Final

IE, DE, ZE, OE, UE, PE = 1, 2, 4, 8, 16, 32  # exceptions: in MXCSR, FSW and, as masks, in FCW
FLAGS: Final = 0x3F
BEFORE: Final = IE | DE | ZE  # pre-computation exceptions: an unmasked one suppresses the operation
MASKS_AT: Final = 7  # in MXCSR: the masks' first bit
MASKS: Final = FLAGS << MASKS_AT
DAZ: Final = 1 << 6
FZ: Final = 1 << 15
MXCSR_RESERVED: Final = 0xFFFF_0000
SF, ES, B = 1 << 6, 1 << 7, 1 << 15  # of FSW
C0, C1, C2, C3 = 1 << 8, 1 << 9, 1 << 10, 1 << 14
FCW_WRITABLE: Final = 0x1F3F  # of FCW
FCW_ONE: Final = 1 << 6  # reads as 1
TRANSCENDENTAL: Final = ("fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1", "fyl2x", "fyl2xp1")


def unmasked(flags: int, mxcsr: int) -> int:
    """Those of `flags` whose mask in MXCSR is clear."""
    return flags & FLAGS & ~(mxcsr >> MASKS_AT)


def with_summary(fsw: int, fcw: int) -> int:
    """FSW with ES and B as its flags and the masks make them."""
    pending = fsw & FLAGS & ~fcw
    return fsw & ~(ES | B) | (ES | B if pending else 0)
