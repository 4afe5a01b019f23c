"""Sets in the order of use against a list that says what LRU is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pffemu.hw.memory.sets import front, place_of, push

WAYS = 4


@given(st.lists(st.integers(1, 9), max_size=60), st.integers(0, 1))
def test_a_set_keeps_what_was_used_last(tags: list[int], shift: int) -> None:
    words, reference = [0] * (WAYS + 2), list[int]()
    for tag in tags:
        word = front(words, 1, WAYS, tag, shift)
        assert (word >> shift == tag) is (tag in reference)
        assert (word != 0) is (tag in reference)
        left = 0
        if word == 0:
            left = push(words, 1, WAYS, tag << shift | shift)
        else:
            reference.remove(tag)
        reference.insert(0, tag)
        assert left >> shift == (reference.pop() if len(reference) > WAYS else 0)
        assert [word >> shift for word in words[1:-1]] == reference + [0] * (WAYS - len(reference))
        assert words[0] == words[-1] == 0
        assert place_of(words, 1, WAYS, tag, shift) == 1


def test_the_place_of_a_word_does_not_change_the_order() -> None:
    words = [4, 3, 2, 1]
    assert place_of(words, 0, WAYS, 2, 0) == 2
    assert place_of(words, 0, WAYS, 7, 0) == -1
    assert words == [4, 3, 2, 1]
