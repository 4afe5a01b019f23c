"""The fast scan of ordinary blocks: as the decoders behind it, or silent."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pffemu.hw.ordinary import scan_block, words_of
from pffemu.hw.ordinary_table import TABLE
from tests.ordinary import compare, derive

WORDS = words_of(TABLE)


def test_every_opcode_has_the_length_and_class_that_the_decoders_give_it() -> None:
    random, of_decoders, of_table = Random(1), 0, 0
    for code in compare.encodings(random):
        expected, is_known = compare.single(code, WORDS)
        of_decoders += expected is not None
        of_table += is_known
    assert of_table > of_decoders * 0.5  # the odd prefixes, which half of them have, are mostly unknown


@given(code=st.binary(min_size=1, max_size=60))
def test_blocks_add_up(code: bytes) -> None:
    compare.block(code, WORDS)


def test_a_block_that_is_cut_off_is_not_read_beyond_its_end() -> None:
    code = bytes.fromhex("64488b042528000000")  # mov rax, fs:[0x28]
    results = [0] * 3
    assert [scan_block(code[:size], size, WORDS, [1] * 12, results) for size in range(len(code) + 1)] == [0] * 9 + [1]


def test_the_table_is_derived_from_the_decoders() -> None:
    """A few opcodes of each kind; `python -m tests.ordinary --write` derives all."""
    for prefix, escape, opcode in (
        ("", "", 0x8B), ("", "", 0x83), ("", "", 0xB8), ("", "", 0xC7), ("", "", 0xD9), ("66", "", 0xC7),
        ("f3", "", 0xA4), ("", "0f", 0xBA), ("", "0f", 0xC2), ("66", "0f38", 0x00), ("f2", "0f", 0x10),
    ):  # fmt: skip
        texts = [derive.entry(bytes.fromhex(prefix), bytes.fromhex(escape), opcode, reg) for reg in range(8)]
        name = f"{prefix} {escape}".strip()
        entries = {place: text for text, opcodes in TABLE[name].items() for place in derive.places(opcodes)}
        assert [entries.get((opcode, reg), "") for reg in range(8)] == texts
