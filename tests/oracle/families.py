"""Names for groups of instructions that behave alike."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from iced_x86 import Code, CpuidFeature, EncodingKind, Instruction, OpCodeInfo

from tests.oracle.forms import CODE_NAMES

_ENCODINGS: Final = {
    EncodingKind.VEX: "VEX", EncodingKind.EVEX: "EVEX", EncodingKind.XOP: "XOP", EncodingKind.D3NOW: "3DNow!",
    EncodingKind.MVEX: "MVEX",
}  # fmt: skip
_X87: Final = frozenset((CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387))
_SSE: Final = frozenset((
    CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1,
    CpuidFeature.SSE4_2, CpuidFeature.AES, CpuidFeature.PCLMULQDQ,
))  # fmt: skip
_LOCK: Final = 0xF0
INVALID: Final = "undefined opcode"


@cache
def family_of_code(code: int) -> str:
    """VEX, x87, MMX, SSE, ..., or the mnemonic."""
    encoding = OpCodeInfo(code).encoding
    if encoding in _ENCODINGS:
        return _ENCODINGS[encoding]
    name, features = CODE_NAMES[code], Instruction.create(code).cpuid_features()
    if _X87.intersection(features):
        return "x87"
    if "_MM_" in name or name.endswith("_MM") or code == Code.EMMS:
        return "MMX"
    if _SSE.intersection(features) and "XMM" in name:
        return "SSE"
    return name.split("_")[0]


def family(instruction: Any, code: bytes) -> str:
    """The same for a decoded instruction, with what its prefixes make of it."""
    if instruction.is_invalid:
        return f"LOCK, {INVALID}" if _LOCK in prefixes(code) else INVALID
    name = family_of_code(instruction.code)
    return f"LOCK {name}" if instruction.has_lock_prefix else name


def prefixes(code: bytes) -> list[int]:
    """Of the first instruction, REX left out."""
    found = []
    for octet in code:
        if octet in (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, _LOCK, 0xF2, 0xF3):
            found.append(octet)
        elif octet & 0xF0 != 0x40:
            break
    return found
