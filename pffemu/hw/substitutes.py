"""Encodings that Unicorn misreads, and equivalents of the same length that it reads correctly.

The CPU uses the last of F2 and F3; in 64-bit mode ES, CS, SS and DS have no effect; a mandatory F2 or F3 overrides 66.
Unicorn uses both of F2 and F3, the last segment, and 66 (SDM vol. 2, 2.1.1). It does not know TEST as F6 /1 and F7 /1.
In RIP-relative SHLD and SHRD it does not count the immediate byte. LAHF and SAHF behind a REX use SPL instead of AH. It
refuses MOV of an immediate behind REX.R. LOCK NEG sets wrong flags; NEG alone does not, and no other core runs during
an instruction here.
"""

from __future__ import annotations

from typing import Final

from pffemu.asm.scan import first, form_of
from pffemu.hw.float_substitutes import float_substitute
from pffemu.hw.prefixes import prefixes_of

_REPEATS: Final = b"\xf2\xf3"
_FS_GS: Final = b"\x64\x65"
_IGNORED: Final = b"\x26\x2e\x36\x3e"  # segments without meaning
_OPERAND_SIZE: Final = 0x66
_ESCAPE: Final = 0x0F
_LOCK: Final = 0xF0
_SHIFTS_BY_IMMEDIATE: Final = (b"\x0f\xa4", b"\x0f\xac")  # SHLD, SHRD
_RIP_RELATIVE: Final = 0x05  # mod and r/m of ModRM
_IMMEDIATE: Final = 1  # byte
_LAHF_SAHF: Final = b"\x9e\x9f"
_TEST: Final = b"\xf6\xf7"
_MOV_IMMEDIATE: Final = (b"\xc6", b"\xc7")
_REX_R: Final = 4
_REX_WITH_R: Final = 0x44
_REX_END: Final = 0x50
_DS: Final = b"\x3e"
_IGNORED_REX: Final = b"\x40"  # in front of another prefix


def substitute(code: bytes) -> bytes | None:
    """The whole instruction `code` in other bytes; None: Unicorn reads it correctly as it is."""
    other, instruction = with_usual_prefixes(code), first(code)
    other = _with_other_displacement(code if other is None else other) or other
    if instruction is None:
        return other
    return float_substitute(form_of(instruction.form), code if other is None else other) or other


def _with_other_displacement(code: bytes) -> bytes | None:
    """RIP-relative SHLD or SHRD by an immediate, with the displacement that Unicorn needs."""
    end = prefixes_of(code).end
    if code[end : end + 2] not in _SHIFTS_BY_IMMEDIATE or code[end + 2] & 0xC7 != _RIP_RELATIVE:
        return None
    displacement = int.from_bytes(code[end + 3 : end + 7], "little") + _IMMEDIATE & 0xFFFF_FFFF
    return code[: end + 3] + displacement.to_bytes(4, "little") + code[end + 7 :]


def with_usual_prefixes(code: bytes) -> bytes | None:
    """The whole instruction `code` as compilers write it; None: it is already written so."""
    legacy, rex, end = prefixes_of(code)
    meaningful, rest = _meaningful(legacy, rex, code, end), code[end:]
    if rest[0] in _TEST and rest[1] >> 3 & 7 == 1:
        meaningful, rest = legacy if meaningful is None else meaningful, bytes([rest[0], rest[1] & ~0x38]) + rest[2:]
    if rex and rest[0] in _LAHF_SAHF:
        meaningful, rex = legacy if meaningful is None else meaningful, b""
    if rex and has_meaningless_rex(rex + rest):
        meaningful, rex = legacy if meaningful is None else meaningful, bytes((rex[0] & ~_REX_R,))
    if _LOCK in legacy and _is_neg(code):
        meaningful = bytes(octet for octet in meaningful or legacy if octet != _LOCK)
    if meaningful is None:
        return None
    head = meaningful + rex
    filler = _IGNORED_REX if head else _DS
    return filler * (end - len(head)) + head + rest


def without_prefixes(code: bytes, dropped: bytes) -> bytes:
    """The instruction with a prefix without effect in place of those in `dropped`."""
    end = prefixes_of(code).end
    return bytes(_DS[0] if octet in dropped else octet for octet in code[:end]) + code[end:]


def has_meaningless_rex(code: bytes) -> bool:
    """Whether it is MOV of an immediate behind REX.R; `code` starts with REX."""
    return code[0] & _REX_WITH_R == _REX_WITH_R and code[0] < _REX_END and code[1:2] in _MOV_IMMEDIATE


def _is_neg(code: bytes) -> bool:
    instruction = first(code)
    return instruction is not None and form_of(instruction.form).mnemonic == "neg"


def _meaningful(legacy: bytes, rex: bytes, code: bytes, end: int) -> bytes | None:
    """The prefixes that the CPU obeys; None when Unicorn obeys the same."""
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
