"""Constant expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.asm.expressions import Value, evaluate
from pffemu.errors import AssemblyError


def names(name: str) -> Value:
    if name in ("a", "b"):
        return Value(0, ((name, 1),))
    raise AssemblyError(f"unknown {name}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0x1F", 31),
        ("0b101", 5),
        ("-5", -5),
        ("'a'", 97),
        (r"'\n'", 10),
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("1<<12", 4096),
        ("(1<<4)|1", 17),
        ("~0", -1),
        ("-7/2", -3),
        ("-7%2", -1),
        ("10-4-3", 3),
        ("- - 3", 3),
        ("0xffffffffffffffff", (1 << 64) - 1),
    ],
)
def test_values(text: str, expected: int) -> None:
    assert evaluate(text, names) == Value(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("017", "octal"),
        ("08", "octal"),
        ("10h", "suffix"),
        ("0xg", "not a number"),
        ("12ab", "not a number"),
        ("1 + ", "ends"),
        ("(1", r"expected '\)'"),
        ("1 2", "after the end"),
        ("1<<4+1", "ambiguous"),
        ("1&2|4", "ambiguous"),
        ("1/0", "division by zero"),
        ("1<<64", "shift by 64"),
        ("0x10000000000000000", "64 bits"),
        ("'\u00e9'", "single byte"),
        (r"'\q'", "escape"),
        ("$5", "cannot read"),
        ("%rax", "where a number"),
        ("((((((((((((((((((((((((((((((((((1", "nested"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        evaluate(text, names)


def test_octal_remedy_offers_both_readings() -> None:
    with pytest.raises(AssemblyError) as caught:
        evaluate("017", names)
    assert caught.value.remedy == "write 17 for the decimal value or 0xf for the octal value"


def test_labels_add_and_cancel() -> None:
    assert evaluate("a + 8 - 4", names) == Value(4, (("a", 1),))
    assert evaluate("a - a + 3", names) == Value(3)
    assert evaluate("b - a", names).at({"a": 10, "b": 25}) == 15


def test_labels_cannot_be_multiplied() -> None:
    with pytest.raises(AssemblyError, match="plain numbers"):
        evaluate("a * 2", names)


@given(st.integers(-(2**31), 2**31), st.integers(-(2**31), 2**31), st.sampled_from("+-*&|^"))
def test_binary_operators_agree_with_python(left: int, right: int, operator: str) -> None:
    assert evaluate(f"({left}) {operator} ({right})", names) == Value(eval(f"({left}) {operator} ({right})"))
