"""Constant expressions of the source: numbers, characters, names, + - * / % << >> & | ^ ~ and parentheses.

A `Value` is a number plus whole multiples of anchors. An anchor is a place whose address is not known yet: a statement
of .text (its number) or the start of another section (its name). So `end - start` inside .data is a plain number before
any address is known, and `.quad handler + 8` is the number 8 plus one anchor.

The precedence of `<<` and `|` against `+` differs between GNU as and C, so mixing them needs parentheses here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pffemu.errors import AssemblyError

TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number_label>\d+[bf](?![\w.@$])|\d+@\d+)
      | (?P<number>\d[\w.]*)
      | (?P<character>'(?:\\.|[^'\\])')
      | (?P<name>[A-Za-z_.][\w.$@]*)
      | (?P<symbol><<|>>|[-+*/%&|^~()\[\],:])
    )""",
    re.VERBOSE | re.ASCII,
)
ESCAPES: Final = {"n": 10, "t": 9, "r": 13, "b": 8, "f": 12, "0": 0, "\\": 92, "'": 39, '"': 34, "a": 7, "v": 11}
ARITHMETIC: Final = frozenset("+-*/%")
SHIFTS: Final = frozenset(("<<", ">>"))
LOGIC: Final = frozenset("&|^")
BINDING: Final = {"*": 4, "/": 4, "%": 4, "+": 3, "-": 3, "<<": 2, ">>": 2, "&": 1, "|": 1, "^": 1}
DEEPEST: Final = 32  # nested parentheses

Anchor: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Value:
    """constant + sum(multiple * address of anchor)."""

    constant: int
    anchors: tuple[tuple[Anchor, int], ...] = ()

    def plus(self, other: Value, sign: int = 1) -> Value:
        sums = dict(self.anchors)
        for anchor, multiple in other.anchors:
            sums[anchor] = sums.get(anchor, 0) + sign * multiple
        kept = tuple((anchor, multiple) for anchor, multiple in sums.items() if multiple)
        return Value(self.constant + sign * other.constant, kept)

    def at(self, addresses: Mapping[Anchor, int]) -> int:
        return self.constant + sum(addresses[anchor] * multiple for anchor, multiple in self.anchors)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


Names: TypeAlias = Callable[[str], Value]


def tokenize(text: str) -> list[Token]:
    tokens = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise AssemblyError(f"cannot read {text[position:].strip()[:20]!r}", remedy=_stray_remedy(text[position:]))
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match[kind]))
        position = match.end()
    return tokens


def _stray_remedy(rest: str) -> str:
    if rest.lstrip().startswith("$"):
        return "Intel syntax has no '$': write the number alone, and '.' for the current address"
    if rest.lstrip().startswith("%"):
        return "Intel syntax has no '%' before registers; gcc writes it with -masm=intel"
    return "operands are registers, numbers, labels and [memory]"


class Cursor:
    """A position in a token list."""

    __slots__ = ("depth", "position", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0

    def peek(self, ahead: int = 0) -> str:
        """Text of the next token, or of one further `ahead`, in lower case; empty at the end."""
        index = self.position + ahead
        return self.tokens[index].text.lower() if index < len(self.tokens) else ""

    def take(self) -> Token:
        if self.position == len(self.tokens):
            raise AssemblyError("the line ends where an operand should be", remedy="complete the expression")
        self.position += 1
        return self.tokens[self.position - 1]

    def expect(self, text: str, remedy: str) -> None:
        if self.peek() != text:
            raise AssemblyError(f"expected {text!r}, found {self.peek() or 'the end of the line'!r}", remedy=remedy)
        self.position += 1


def evaluate(text: str, names: Names) -> Value:
    """The value of `text`, which must be one expression."""
    cursor = Cursor(tokenize(text))
    value = parse_expression(cursor, names)
    if cursor.peek():
        raise AssemblyError(f"{cursor.peek()!r} after the end of the expression", remedy="join terms with an operator")
    return value


def parse_expression(cursor: Cursor, names: Names) -> Value:
    """The value of unary terms joined by binary operators, up to the first token that is neither."""
    values, operators = [_parse_unary(cursor, names)], list[str]()
    while cursor.peek() in BINDING:
        operators.append(cursor.take().text)
        values.append(_parse_unary(cursor, names))
    used = set(operators)
    if (used & ARITHMETIC and used & (SHIFTS | LOGIC)) or len(used & LOGIC) > 1:
        raise AssemblyError(f"mixing {' '.join(sorted(used))} is ambiguous", remedy="add parentheses")
    for binding in (4, 3, 2, 1):
        values, operators = _reduce(values, operators, binding)
    return values[0]


def _reduce(values: list[Value], operators: list[str], binding: int) -> tuple[list[Value], list[str]]:
    """Apply the operators of one precedence, left to right."""
    reduced, left_over = [values[0]], list[str]()
    for operator, value in zip(operators, values[1:], strict=True):
        if BINDING[operator] == binding:
            reduced[-1] = _apply(operator, reduced[-1], value)
        else:
            left_over.append(operator)
            reduced.append(value)
    return reduced, left_over


def _apply(operator: str, left: Value, right: Value) -> Value:
    if operator in "+-":
        return _in_range(left.plus(right, 1 if operator == "+" else -1))
    if left.anchors or right.anchors:
        raise AssemblyError(
            f"{operator!r} needs plain numbers, not labels", remedy="labels can only be added or subtracted"
        )
    return _in_range(Value(_arithmetic(operator, left.constant, right.constant)))


def _arithmetic(operator: str, left: int, right: int) -> int:
    match operator:
        case "*":
            return left * right
        case "/" | "%":
            if right == 0:
                raise AssemblyError("division by zero", remedy="check the .equ on the right of the operator")
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # towards zero, as in C
            return quotient if operator == "/" else left - quotient * right
        case "<<" | ">>":
            if not 0 <= right < 64:
                raise AssemblyError(f"shift by {right}", remedy="shift by 0 to 63")
            return left << right if operator == "<<" else left >> right
        case "&":
            return left & right
        case "|":
            return left | right
        case _:
            return left ^ right


def _in_range(value: Value) -> Value:
    if not -(1 << 63) <= value.constant < 1 << 64:
        raise AssemblyError(f"{value.constant:#x} does not fit in 64 bits", remedy="use a smaller number")
    return value


def _parse_unary(cursor: Cursor, names: Names) -> Value:
    signs = []
    while cursor.peek() in ("-", "+", "~"):
        signs.append(cursor.take().text)
    value = _parse_primary(cursor, names)
    for sign in reversed(signs):
        if sign == "-":
            value = Value(0).plus(value, -1)
        elif sign == "~":
            value = Value(-1).plus(value, -1) if not value.anchors else _apply("^", value, value)
    return _in_range(value)


def _parse_primary(cursor: Cursor, names: Names) -> Value:
    token = cursor.take()
    match token.kind:
        case "number":
            return _in_range(Value(number(token.text)))
        case "character":
            return Value(character(token.text[1:-1]))
        case "name" | "number_label":
            return names(token.text)
    if token.text != "(":
        raise AssemblyError(f"{token.text!r} where a number or name should be", remedy="complete the expression")
    cursor.depth += 1
    if cursor.depth > DEEPEST:
        raise AssemblyError("too many nested parentheses", remedy="split the expression with .equ")
    value = parse_expression(cursor, names)
    cursor.depth -= 1
    cursor.expect(")", "close the parenthesis")
    return value


def signed(word: int) -> int:
    """A 64-bit pattern as a signed number: 0xffffffffffffffff is -1."""
    return word - (1 << 64) if word >= 1 << 63 else word


def number(text: str) -> int:
    """The value of a decimal, 0x or 0b number; assemblers disagree on 017 and 10h, so these are refused."""
    if re.fullmatch(r"0|[1-9]\d{0,30}", text):
        return int(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,30}|0[bB][01]{1,80}", text):
        return int(text, 0)
    if re.fullmatch(r"0\d+", text):
        raise AssemblyError(f"{text[:40]!r}: keystone reads a leading 0 as octal", remedy=_plain_number(text))
    if re.fullmatch(r"[0-9a-fA-F]+[hH]", text):
        raise AssemblyError(f"{text!r}: no suffix is understood", remedy=f"write 0x{text[:-1].lstrip('0') or '0'}")
    raise AssemblyError(f"{text[:40]!r} is not a number", remedy="numbers are 12, 0x1f, 0b101 or 'c'")


def _plain_number(text: str) -> str:
    decimal = text.lstrip("0") or "0"
    if len(decimal) > 30:
        return "write a shorter number"
    octal = f" or {int(text, 8):#x} for the octal value" if not set(text) & set("89") else ""
    return f"write {decimal} for the decimal value{octal}"


def character(text: str) -> int:
    """The value of a character literal, given without its quotes."""
    if text.startswith("\\"):
        if text[1] not in ESCAPES:
            raise AssemblyError(f"unknown escape {text!r}", remedy="use \\n \\t \\r \\0 \\\\ \\' or a number")
        return ESCAPES[text[1]]
    if ord(text) > 127:
        raise AssemblyError(f"{text!r} is not a single byte", remedy="put the text in .ascii, or write its number")
    return ord(text)
