"""Legacy prefixes that Unicorn reads otherwise than the CPU (SDM vol. 2, 2.1.1), and how to put them rightly.

The CPU takes the last of F2 and F3; in 64-bit mode ES, CS, SS and DS change nothing; a mandatory F2 or F3 wins over 66.
Unicorn takes both of F2 and F3, the last segment, and 66.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.asm.scan import PREFIXES, first

_REPEATS: Final = b"\xf2\xf3"
_FS_GS: Final = b"\x64\x65"
_IGNORED: Final = b"\x26\x2e\x36\x3e"  # segments without meaning
_OPERAND_SIZE: Final = 0x66
_ESCAPE: Final = 0x0F
_REX: Final = range(0x40, 0x50)
_DS: Final = b"\x3e"
_IGNORED_REX: Final = b"\x40"  # in front of another prefix


class Prefixes(NamedTuple):
    legacy: bytes
    rex: bytes  # b"" or one byte
    end: int  # offset of the opcode

    @property
    def operand_size(self) -> bool:
        return _OPERAND_SIZE in self.legacy

    @property
    def rex_w(self) -> bool:
        return bool(self.rex and self.rex[0] & 8)


def prefixes_of(code: bytes) -> Prefixes:
    """The prefixes of the instruction; a REX that is not the last of them means nothing and is left out."""
    legacy, end = bytearray(), 0
    while end < len(code) and (code[end] in PREFIXES or code[end] in _REX):
        if code[end] in PREFIXES:
            legacy.append(code[end])
        end += 1
    rex = code[end - 1 : end] if end and code[end - 1] in _REX else b""
    return Prefixes(bytes(legacy), rex, end)


def rearranged(code: bytes) -> bytes | None:
    """The instruction `code`, whole, in as many bytes that Unicorn reads rightly; None: it reads these rightly."""
    legacy, rex, end = prefixes_of(code)
    meaningful = _meaningful(legacy, rex, code, end)
    if meaningful is None:
        return None
    head = meaningful + rex
    filler = _IGNORED_REX if head else _DS
    return filler * (end - len(head)) + head + code[end:]


def _meaningful(legacy: bytes, rex: bytes, code: bytes, end: int) -> bytes | None:
    """The prefixes the CPU looks at; None when Unicorn looks at no other."""
    segments = [at for at, octet in enumerate(legacy) if octet in _FS_GS]
    repeats = [at for at, octet in enumerate(legacy) if octet in _REPEATS]
    dropped = set(segments[:-1]) | set(repeats[:-1])
    if segments:
        dropped |= {at for at, octet in enumerate(legacy) if octet in _IGNORED}
    wrong = bool(segments and max(dropped, default=-1) > segments[-1]) or len({legacy[at] for at in repeats}) == 2
    if repeats and _OPERAND_SIZE in legacy and code[end] == _ESCAPE:
        without = bytes(octet for octet in legacy if octet != _OPERAND_SIZE) + rex + code[end:]
        if _form(without) == _form(code):
            dropped |= {at for at, octet in enumerate(legacy) if octet == _OPERAND_SIZE}
            wrong = True
    return bytes(octet for at, octet in enumerate(legacy) if at not in dropped) if wrong else None


def _form(code: bytes) -> int | None:
    instruction = first(code)
    return None if instruction is None else instruction.form
