"""Bytes of the instructions of `own_instructions`, and back (SDM vol. 2, "instruction format")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS, OwnInstruction

_MANDATORY: Final = 0xF3
_REPEAT: Final = b"\xf2\xf3"
_WITHOUT_MEANING: Final = b"\x66\x67\x26\x2e\x36\x3e\x64\x65"  # operand size, address size, segments
_REX_B: Final = 0x41
_REGISTER: Final = 0b11_000  # ModRM bits 7:3 of a register operand, less the extension


class Decoded(NamedTuple):
    """A decoded instruction. `register`: the operand's number."""

    row: OwnInstruction
    length: int
    register: int | None = None

    @property
    def operands(self) -> str:
        return "" if self.register is None else REGISTERS_64[self.register]


def encoded(row: OwnInstruction, register: int = 0) -> bytes:
    """The shortest encoding. `register`: the operand's number, if there is one."""
    if row.extension is None:
        return bytes([_MANDATORY]) + row.opcode
    rex = bytes([_REX_B]) if register >= 8 else b""
    return bytes([_MANDATORY]) + rex + row.opcode + bytes([(_REGISTER | row.extension) << 3 | register % 8])


def _forms() -> Iterator[tuple[str, bytes]]:
    for row in OWN_INSTRUCTIONS.values():
        if row.extension is None:
            yield row.mnemonic, encoded(row)
        else:
            yield from ((f"{row.mnemonic} {name}", encoded(row, at)) for at, name in enumerate(REGISTERS_64))


FORMS: Final = dict(_forms())  # text -> bytes of every own instruction with each of its operands
_PLAIN: Final = {row.opcode: row for row in OWN_INSTRUCTIONS.values() if row.extension is None}
_WITH_REGISTER: Final = {
    (row.opcode, _REGISTER | row.extension): row for row in OWN_INSTRUCTIONS.values() if row.extension is not None
}
_OPCODE_SIZES: Final = sorted({len(row.opcode) for row in OWN_INSTRUCTIONS.values()})


def decoded(code: bytes) -> Decoded | None:
    """The own instruction at the start of `code`, or None."""
    at, rex = _prefixes(code)
    if not at:
        return None
    for behind in (at + size for size in _OPCODE_SIZES):
        opcode = code[at:behind]
        plain = _PLAIN.get(opcode)
        if plain is not None:
            return Decoded(plain, behind)
        modrm = code[behind] if behind < len(code) else 0
        row = _WITH_REGISTER.get((opcode, modrm >> 3))
        if row is not None:
            return Decoded(row, behind + 1, (rex & 1) << 3 | modrm & 7)
    return None


def _prefixes(code: bytes) -> tuple[int, int]:
    """(number of prefixes, REX or 0); the number is 0 unless F3 is the mandatory prefix and there is no LOCK.

    The last of F2 and F3 counts, REX only as the last prefix; other prefixes have no effect.
    """
    mandatory = rex = 0
    for at, octet in enumerate(code):
        if octet & 0xF0 == 0x40:
            rex = octet
        elif octet in _REPEAT:
            mandatory, rex = octet, 0
        elif octet in _WITHOUT_MEANING:
            rex = 0
        else:
            return (at, rex) if mandatory == _MANDATORY else (0, 0)
    return 0, 0
