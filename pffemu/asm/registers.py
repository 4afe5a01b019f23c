"""Register names that the assembler accepts, with their sizes in bytes; without AVX-512's, which the CPU lacks."""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import REGISTERS_64

_LEGACY: Final = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_NEW: Final = tuple(f"r{number}" for number in range(8, 16))

REGISTERS_32: Final = (*(f"e{name}" for name in _LEGACY), *(f"{name}d" for name in _NEW))
REGISTERS_16: Final = (*_LEGACY, *(f"{name}w" for name in _NEW))
LOW_BYTES: Final = ("al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", *(f"{name}b" for name in _NEW))
HIGH_BYTES: Final = ("ah", "ch", "dh", "bh")
SEGMENTS: Final = ("cs", "ds", "es", "fs", "gs", "ss")

SIZES: Final[dict[str, int]] = {
    **dict.fromkeys(REGISTERS_64, 8),
    **dict.fromkeys(REGISTERS_32, 4),
    **dict.fromkeys(REGISTERS_16, 2),
    **dict.fromkeys((*LOW_BYTES, *HIGH_BYTES), 1),
    **dict.fromkeys(SEGMENTS, 2),
    **dict.fromkeys((f"cr{number}" for number in (0, 2, 3, 4, 8)), 8),
    **dict.fromkeys((f"dr{number}" for number in range(8)), 8),
    **dict.fromkeys((f"st({number})" for number in range(8)), 10),
    **dict.fromkeys((f"mm{number}" for number in range(8)), 8),
    **dict.fromkeys((f"xmm{number}" for number in range(16)), 16),
    **dict.fromkeys((f"ymm{number}" for number in range(16)), 32),
}
ADDRESS_REGISTERS: Final = frozenset((*REGISTERS_64, *REGISTERS_32))
# an instruction that names one of these carries a REX prefix, and then ah, bh, ch and dh do not exist
NEED_REX: Final = frozenset(
    (*REGISTERS_64, "spl", "bpl", "sil", "dil", *REGISTERS_32[8:], *REGISTERS_16[8:], *LOW_BYTES[8:])
)
# the same for a base or index, where 64-bit width is the default
ADDRESSES_NEED_REX: Final = frozenset((*REGISTERS_64[8:], *REGISTERS_32[8:]))

# names that are registers to some assembler and so cannot be labels
RESERVED: Final = frozenset(
    (
        *SIZES,
        *("st", "rip", "eip", "ip", "riz", "eiz"),
        *(f"{kind}mm{number}" for kind in "xyz" for number in range(32)),
        *(f"{kind}{number}" for kind in ("cr", "dr") for number in range(16)),
        *(f"k{number}" for number in range(8)),
    )
)
