"""The name that a misspelt word means: fewest typing errors, and no guess where none is close."""

from __future__ import annotations

import pytest

from pffemu.inspect.nearest import nearest
from pffemu.nearest import closest

MNEMONICS = ["add", "cmovo", "mov", "movzx", "uiret", "iretq"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("mvo", "mov"), ("MOOV", "mov"), ("movz", "movzx"), ("uirte", "uiret"), ("irq", ""), ("x", ""), ("", "")],
)
def test_the_closest_name(word: str, meant: str) -> None:
    assert closest(word, MNEMONICS) == meant


def test_the_remedy_without_a_guess_lists_names_but_not_thousands() -> None:
    assert nearest("zzzzzz", MNEMONICS) == "use one of add, cmovo, mov, movzx, uiret, iretq"
    assert nearest("zzzzzz", [f"name{i}" for i in range(1000)]).endswith("name29 and 970 more")
