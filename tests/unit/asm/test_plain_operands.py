"""What iced-x86 answers alone for common instructions is what capstone would have led to."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from pffemu.asm import decode, scan
from pffemu.asm.disasm import mnemonic_and_operands
from pffemu.asm.plain_operands import plain_operands
from pffemu.asm.timing_class import ATOMIC, BRANCH, SIMPLE, timing_class

PREFIXES = (
    b"",
    b"\x48",
    b"\x4f",
    b"\x41\x48",
    b"\xf0",
    b"\xf0\x48",
    b"\xf0\x66",
    b"\x48\xf0",
    b"\x66",
    b"\x65",
    b"\x67",
)
MODRM = (b"\x00", b"\x05", b"\x0c\x24", b"\x14\x25", b"\x5d", b"\x64\x88", b"\x94\xe4", b"\xbd", b"\xc8", b"\xff")
TAIL = b"\xf0\xff\xff\xff\x11\x22\x33\x44"


def test_the_memory_operands() -> None:
    answered: Counter[str] = Counter()
    for prefix, escape, opcode, modrm in itertools.product(PREFIXES, (b"", b"\x0f"), range(256), MODRM):
        code = (prefix + escape + bytes([opcode]) + modrm + TAIL)[:15]
        found = plain_operands(code)
        if found is not None:
            decoded = decode(code)
            assert decoded is not None
            assert found == (decoded.size, decoded.memory), code.hex()
            answered[decoded.mnemonic] += 1
    assert {"mov", "push", "call", "pop", "ret", "lock cmpxchg", "add", "cmp", "movzx", "movups"} <= set(answered)


@pytest.mark.parametrize("code", ["", "48", "f0", "8b", "a5", "66", "f348"])
def test_no_answer_for_what_is_cut_off_or_rare(code: str) -> None:
    assert plain_operands(bytes.fromhex(code)) is None


def test_locked_instructions_and_near_branches_have_the_class_of_their_text() -> None:
    answered: Counter[str] = Counter()
    for prefix, escape, opcode, modrm in itertools.product(
        (*PREFIXES, b"\xf2", b"\x48\xf2", b"\xf2\x48", b"\x3e"), (b"", b"\x0f"), range(256), MODRM
    ):
        code = (prefix + escape + bytes([opcode]) + modrm + TAIL)[:15]
        code = code[: scan.scan(code)[0].size]
        if scan.is_locked(code) or scan.branches_near(code):
            mnemonic = mnemonic_and_operands(code)[0]
            if mnemonic == ".byte":  # capstone does not know it
                continue
            kind = ATOMIC if scan.is_locked(code) else BRANCH
            assert "lock " in mnemonic or mnemonic.startswith(("j", "call")) or b"\xf0" in code[:4], code.hex()
            assert timing_class(code) == kind, code.hex()
            answered[kind] += 1
    assert set(answered) == {ATOMIC, BRANCH}
    assert timing_class(bytes.fromhex("f30f1efa")) == SIMPLE
