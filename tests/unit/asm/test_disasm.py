"""Decoding: instructions of our own, undecodable bytes, counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch.own_encodings import FORMS
from pffemu.asm import decode, disassemble


@pytest.mark.parametrize(("text", "code"), FORMS.items(), ids=FORMS)
def test_instructions_of_our_own(text: str, code: bytes) -> None:
    instruction = decode(code + b"\x90", 0x10)
    assert instruction is not None
    assert (instruction.text, instruction.size, instruction.address) == (text, len(code), 0x10)
    assert instruction.bytes == code


@pytest.mark.parametrize(
    ("code", "text"), [("f3480f01ec", "uiret"), ("66f30f01ee", "clui"), ("2ef3410fc7f1", "senduipi r9")]
)
def test_prefixes_that_mean_nothing_are_read_as_the_machine_reads_them(code: str, text: str) -> None:
    instruction = decode(bytes.fromhex(code))
    assert instruction is not None
    assert (instruction.text, instruction.size) == (text, len(code) // 2)


def test_senduipi_ignores_rex_w() -> None:
    instruction = decode(bytes.fromhex("f3480fc7f7"))
    assert instruction is not None
    assert instruction.text == "senduipi rdi"


@pytest.mark.parametrize(
    ("code", "text"),
    [("0f01ee", "rdpkru"), ("0fc7f0", "rdrand eax"), ("f30fc7f8", "rdpid rax"), ("f30f1efa", "endbr64")],
)
def test_neighbours_of_the_overlay_stay_themselves(code: str, text: str) -> None:
    instruction = decode(bytes.fromhex(code))
    assert instruction is not None
    assert instruction.text == text


@pytest.mark.parametrize("code", ["", "06", "f30f01", "488b", "0f04"])
def test_undecodable(code: str) -> None:
    assert decode(bytes.fromhex(code)) is None


def test_disassembly_never_stops_early() -> None:
    code = bytes.fromhex("90 06 f30f01ec 0f04 c3")
    texts = [instruction.text for instruction in disassemble(code, 0x100)]
    assert texts == ["nop", ".byte 0x06", "uiret", ".byte 0x0f", "add al, 0xc3"]


@given(st.binary(max_size=64))
def test_disassembly_covers_any_bytes(code: bytes) -> None:
    assert b"".join(instruction.bytes for instruction in disassemble(code)) == code


@pytest.mark.parametrize(
    ("code", "is_avx"),
    [
        ("c5f458c2", True),  # vaddps ymm
        ("c5f058c2", True),  # vaddps xmm
        ("62f17c481000", True),  # vmovups zmm
        ("64c5f85800", True),  # behind a segment prefix
        ("c4e2e0f2c1", False),  # andn: VEX, but no AVX
        ("0f58c1", False),  # addps
        ("4889d8", False),
    ],
)
def test_avx_is_recognised(code: str, is_avx: bool) -> None:
    instruction = decode(bytes.fromhex(code))
    assert instruction is not None
    assert instruction.is_avx is is_avx
