"""Encodings that abort the engine are found at every offset, and so are their beginnings at the end of a page."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.untranslatable import goes_on, is_clean, untranslatable

OCTETS = st.sampled_from(b"\xf0\x0f\xa3\xab\xb3\xbb\xba\xe8\xbf\xc0\xdf\x26\x48\x64\x66\x90\xf2") | st.integers(0, 255)
PIECES = st.lists(
    st.tuples(st.integers(0, 64) | st.integers(PAGE_SIZE - 20, PAGE_SIZE - 1), st.lists(OCTETS, max_size=8).map(bytes))
)


def page_with(*pieces: tuple[int, bytes]) -> bytes:
    page = bytearray(PAGE_SIZE)
    for offset, piece in pieces:
        page[offset : offset + len(piece)] = piece
    return bytes(page[:PAGE_SIZE])


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([(100, b"\xf0\x0f\xab\xc8")], {100}),
        ([(100, b"\x66\xf0\x48\x0f\xba\xe8\x07")], {100, 101}),
        ([(100, b"\xf0\xf0\x0f\xbb\xff")], {100, 101}),
        ([(100, b"\xf0\x0f\xab\x08")], set()),  # memory
        ([(100, b"\xf0\x0f\xba\xd8")], set()),  # group 8 begins at /4
        ([(100, b"\x0f\xab\xc8")], set()),
        ([(0, b"\xf0\x0f\xab\xc8")], set(range(-14, 1))),
        ([(0, b"\x66\xf0\x0f\xab\xc8")], set(range(-13, 2))),
        ([(PAGE_SIZE - 1, b"\xf0")], set()),
        ([(10, b"\x66" * 30 + b"\xf0\x0f\xab\xc8")], set(range(26, 41))),
    ],
)
def test_where_one_may_begin(pieces: list[tuple[int, bytes]], found: set[int]) -> None:
    assert untranslatable(page_with(*pieces)) == found


@pytest.mark.parametrize("tail", [b"\xf0", b"\xf0\x66", b"\xf0\x0f", b"\xf0\x48\x0f\xa3", b"\xf0\x0f\xba"])
def test_one_may_end_in_the_next_page(tail: bytes) -> None:
    whole = b"\xf0\x48\x0f\xba\xe8" if tail.endswith((b"\xf0", b"\x66", b"\x0f", b"\xba")) else tail + b"\xc8"
    rest = whole[whole.index(tail[-1:]) + 1 :] if tail != b"\xf0\x66" else whole[1:]
    page, begin = page_with((PAGE_SIZE - len(tail), tail)), PAGE_SIZE - len(tail)
    assert goes_on(page)
    assert begin in untranslatable(page, None)
    assert begin in untranslatable(page, rest + bytes(20))
    assert untranslatable(page, bytes(20)) == set()


@given(PIECES)
@example([(PAGE_SIZE - 2, b"\xf0\x0f")])
@example([(0, b"\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0"), (8, b"\x0f\xa3\xc0")])
def test_the_search_by_words_finds_what_the_patterns_find(pieces: list[tuple[int, bytes]]) -> None:
    page = page_with(*pieces)
    ram = array("q", bytes(PAGE_SIZE) + page)
    assert is_clean(ram, PAGE_SIZE) == (not goes_on(page) and not untranslatable(page))
