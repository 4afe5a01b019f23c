"""The prefixes of an instruction (SDM vol. 2, 2.1.1 and 2.2.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.asm.scan import PREFIXES

_OPERAND_SIZE: Final = 0x66
_ADDRESS_SIZE: Final = 0x67
_REPEATS: Final = frozenset(b"\xf2\xf3")
_REX: Final = range(0x40, 0x50)


class Prefixes(NamedTuple):
    legacy: bytes
    rex: bytes  # b"" or one byte
    end: int  # offset of the opcode

    @property
    def operand_size(self) -> bool:
        return _OPERAND_SIZE in self.legacy

    @property
    def address_size(self) -> bool:
        return _ADDRESS_SIZE in self.legacy

    @property
    def repeats(self) -> frozenset[int]:
        """Those of F2 and F3 that are present."""
        return _REPEATS.intersection(self.legacy)

    @property
    def rex_w(self) -> bool:
        return bool(self.rex and self.rex[0] & 8)


def prefixes_of(code: bytes) -> Prefixes:
    """The prefixes of the instruction; a REX that is not the last of them has no effect and is left out."""
    legacy, end = bytearray(), 0
    while end < len(code) and (code[end] in PREFIXES or code[end] in _REX):
        if code[end] in PREFIXES:
            legacy.append(code[end])
        end += 1
    rex = code[end - 1 : end] if end and code[end - 1] in _REX else b""
    return Prefixes(bytes(legacy), rex, end)
