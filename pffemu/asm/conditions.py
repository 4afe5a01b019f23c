""".if and the other conditional directives: which lines of a block are assembled."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from pffemu.asm.data_directives import plain_number, split_arguments
from pffemu.asm.expressions import Names
from pffemu.asm.source import Statement, blame
from pffemu.errors import AssemblyError

_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
}  # fmt: skip
_COMPARISON: Final = re.compile(r"==|!=|<>|<=|>=|(?<!<)<(?!<)|(?<!>)>(?!>)")
_SIGNS: Final[dict[str, Callable[[int], bool]]] = {
    ".ifeq": lambda n: n == 0, ".ifne": lambda n: n != 0, ".ifgt": lambda n: n > 0, ".ifge": lambda n: n >= 0,
    ".iflt": lambda n: n < 0, ".ifle": lambda n: n <= 0,
}  # fmt: skip
_TEXTS: Final = {".ifc": True, ".ifnc": False, ".ifeqs": True, ".ifnes": False}
_BLANKS: Final = {".ifb": True, ".ifnb": False}
_DEFINED: Final = {".ifdef": True, ".ifndef": False, ".ifnotdef": False}
OPENERS: Final = frozenset((".if", *_SIGNS, *_TEXTS, *_BLANKS, *_DEFINED))


def chosen(
    opener: Statement, inside: Sequence[Statement], numbers: Names, defined: Collection[str]
) -> Sequence[Statement]:
    """The statements of the first branch whose condition holds. Raises AssemblyError."""
    branches, begin, depth = [opener], [0], 0
    for at, statement in enumerate(inside):
        depth += (statement.word in OPENERS) - (statement.word == ".endif")
        if depth or statement.word not in (".else", ".elseif"):
            continue
        if branches[-1].word == ".else":
            raise blame(AssemblyError(f"{statement.word} behind .else", remedy="remove it"), statement.place)
        branches.append(statement)
        begin.append(at + 1)
    ends = [at - 1 for at in begin[1:]] + [len(inside)]
    for branch, start, end in zip(branches, begin, ends, strict=True):
        if _holds(branch, numbers, defined):
            return inside[start:end]
    return ()


def _holds(condition: Statement, numbers: Names, defined: Collection[str]) -> bool:
    word, text = condition.word, condition.rest
    try:
        if word == ".else":
            return True
        if word in _DEFINED:
            return (text in defined) is _DEFINED[word]
        if word in _BLANKS:
            return (not text) is _BLANKS[word]
        if word in _TEXTS:
            both = split_arguments(text)
            if len(both) != 2:
                raise AssemblyError(f"{word} compares two texts", remedy=f"{word} one, other")
            return (both[0] == both[1]) is _TEXTS[word]
        if word in _SIGNS:
            return _SIGNS[word](plain_number(text, numbers))
        return any(all(_compared(part, numbers) for part in one.split("&&")) for one in text.split("||"))
    except AssemblyError as error:
        raise blame(error, condition.place) from None


def _compared(text: str, numbers: Names) -> bool:
    signs = _COMPARISON.findall(text)
    if not signs:
        return plain_number(text, numbers) != 0
    if len(signs) > 1:
        raise AssemblyError(f"{text.strip()!r} compares more than once", remedy="join comparisons with && or ||")
    left, right = _COMPARISON.split(text)
    return _COMPARISONS[signs[0]](plain_number(left, numbers), plain_number(right, numbers))
