"""Lengths, forms and traits of instructions, also of those that people's disassemblers do not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch.own_encodings import FORMS
from pffemu.asm import disassemble, timing_classes
from pffemu.asm.scan import INVALID, form_of, last_in, runs_out_of_bytes, scan
from pffemu.asm.timing_class import timing_class

# iced knows Intel's, not those of xUI and UserFault and not those that return a page
_UNKNOWN = ("settimer", "pageout", "pagedrop", "testuf", "stuf")
UINTR = [code for text, code in FORMS.items() if not text.startswith(_UNKNOWN)]


@pytest.mark.parametrize(
    ("code", "count"),
    [("", 0), ("90", 1), ("9090c3", 3), ("90f30f01ecf3410fc7f190", 4), ("9006", 2), ("06", 1), ("900690", 2)],
)
def test_counting(code: str, count: int) -> None:
    assert len(scan(bytes.fromhex(code))) == count


@given(st.lists(st.sampled_from([*UINTR, b"\x90", b"\x48\x01\xd8", b"\xc3"])))
def test_counting_agrees_with_disassembly(parts: list[bytes]) -> None:
    code = b"".join(parts)
    assert len(scan(code)) == len(parts) == len(list(disassemble(code)))


@given(st.binary(max_size=64))
def test_offsets_follow_each_other_to_the_end_or_to_an_invalid_encoding(code: bytes) -> None:
    end = 0
    for instruction in scan(code):
        assert instruction.offset == end
        end += instruction.size
    assert end == len(code) or scan(code)[-1].form == INVALID


# SDM vol. 2: opcode map (reserved NOPs), CALL, Jcc (66 means nothing), FCOM2 and other x87 aliases
LENGTHS = {
    "0f1bc0": 3, "0f1dc0": 3, "0f1ac0": 3, "66e800000000": 6, "66e900000000": 6, "660f8400000000": 7, "66eb00": 3,
    "dcd0": 2, "ded0": 2, "dfc8": 2, "f6c801": 3, "f7c800000000": 6, "f30f1efa": 4, "660f1f440000": 6,
}  # fmt: skip


@pytest.mark.parametrize(("code", "length"), LENGTHS.items())
def test_an_encoding_has_the_length_the_manual_gives(code: str, length: int) -> None:
    assert [instruction.size for instruction in scan(bytes.fromhex(code) + b"\x90")] == [length, 1]


@pytest.mark.parametrize(("code", "cut"), [("48", True), ("66e80000", True), ("f3", True), ("90", False)])
def test_a_cut_instruction_is_told_from_an_invalid_one(code: str, cut: bool) -> None:
    assert runs_out_of_bytes(bytes.fromhex(code)) is cut


def test_what_a_branch_does_to_the_stack_pointer() -> None:
    assert last_in(bytes.fromhex("90ffd0")) == (1, -8)  # call rax
    assert last_in(bytes.fromhex("90c3")) == (1, 8)
    assert last_in(bytes.fromhex("9090c21000")) == (2, 24)
    assert last_in(bytes.fromhex("ffe0")) == (0, 0)


def test_forms_say_what_a_cpu_must_have() -> None:
    (vaddps,) = scan(bytes.fromhex("c5f058c2"))
    assert form_of(vaddps.form).features == {"AVX"}
    assert not form_of(vaddps.form).legacy
    (wrmsr,) = scan(bytes.fromhex("0f30"))
    assert form_of(wrmsr.form).privileged
    (movaps,) = scan(bytes.fromhex("0f2800"))
    assert form_of(movaps.form).memory_size == 16


def test_one_look_at_the_text_of_a_form_stands_for_all_its_instructions() -> None:
    """The class is remembered by form and traits; here it is worked out from the text of each instruction."""
    code = Path("/bin/ls").read_bytes()[0x5000:0xD000]
    for start in range(0, len(code), 64):
        block = code[start : start + 64]
        instructions = scan(block)
        classes = timing_classes(block)
        for instruction, kind in zip(instructions[:-1], classes, strict=False):
            octets = block[instruction.offset : instruction.offset + instruction.size]
            assert timing_class(octets) == kind, octets.hex()


def test_string_instructions_repeat_behind_both_prefixes_and_nothing_else_does() -> None:
    for octets in ("f3a5", "f2a5", "f2f3a5", "f3f2a5", "f3aa", "f2ab", "66f2ad", "f248ad", "f2a6", "f3af", "f36e"):
        assert timing_class(bytes.fromhex(octets)) == "rep", octets
    for octets, kind in (
        ("a5", "store"),
        ("f3c3", "branch"),
        ("f390", "pause"),
        ("f30f10c1", "vector"),
    ):
        assert timing_class(bytes.fromhex(octets)) == kind, octets
