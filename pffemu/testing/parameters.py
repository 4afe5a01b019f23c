"""`# param: n = 0..15`: one test for every value, every combination of several lines, every row of `a, b = ...`.

A number is a symbol of the source and of expressions; a text replaces `{name}` in code and directives.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from pffemu.errors import UsageError
from pffemu.inspect.constants import CONSTANTS, KnownNames
from pffemu.inspect.expressions import parse, value_of
from pffemu.inspect.view import RESERVED
from pffemu.testing.blocks import Block
from pffemu.testing.directives import Directive
from pffemu.testing.errors import TooManyTestsError

_RANGE: Final = re.compile(r"(?P<low>[^,]+?)\.\.(?P<high>[^,]+)")
_NAMES: Final = re.compile(r"[A-Za-z_]\w*(\s*,\s*[A-Za-z_]\w*)*")
MOST_VALUES: Final = 4096


@dataclass(frozen=True, slots=True)
class Parameters:
    """One combination of values; `label`: its text in the test's id."""

    numbers: dict[str, int]
    texts: dict[str, str]
    label: str


@dataclass(frozen=True, slots=True)
class _Row:
    values: tuple[int | str, ...]
    label: str


def combinations(block: Block) -> Iterator[Parameters]:
    """Every combination of the block's parameters; a single empty one without parameters. Raises TestFileError."""
    names: list[str] = []
    axes: list[list[_Row]] = []
    for directive in block.named("param"):
        left, equals, right = directive.text.partition("=")
        if not equals or not _NAMES.fullmatch(left.strip()):
            raise directive.error("no name and values", "write `# param: n = 0..15` or `# param: n = 1, 2, 4`")
        columns = [name.strip() for name in left.split(",")]
        for name in columns:
            if name in names or name in CONSTANTS or name in RESERVED:
                raise directive.error(f"{name!r} is taken", "choose another name")
        names += columns
        axes.append(_rows(directive, columns, right.strip()))
        if prod(map(len, axes)) > MOST_VALUES:
            remedy = f"all lines together may make {MOST_VALUES} combinations"
            raise TooManyTestsError("# param: too many tests", where=directive.where, remedy=remedy)
    for rows in product(*axes):
        values = dict(zip(names, (value for row in rows for value in row.values), strict=True))
        yield Parameters(
            {name: value for name, value in values.items() if isinstance(value, int)},
            {name: value for name, value in values.items() if isinstance(value, str)},
            "-".join(row.label for row in rows),
        )


def _rows(directive: Directive, columns: list[str], text: str) -> list[_Row]:
    span = _RANGE.fullmatch(text)
    if span is not None:
        low, high = (_number(directive, span[edge]) for edge in ("low", "high"))
        if not low <= high < low + MOST_VALUES or len(columns) != 1:
            raise directive.error(f"the range {text!r}", f"count upwards, at most {MOST_VALUES} values of one name")
        return [_Row((value,), f"{columns[0]}={value}") for value in range(low, high + 1)]
    try:
        tree = parse(f"({text},)")
    except UsageError as error:
        raise directive.error(error.what, "separate values by commas, put texts in quotes") from None
    assert isinstance(tree, ast.Tuple)
    rows: list[_Row] = []
    for element in tree.elts:
        cells = element.elts if len(columns) > 1 and isinstance(element, ast.Tuple) else [element]
        if len(cells) != len(columns):
            raise directive.error(
                f"{ast.unparse(element)!r} for {len(columns)} names", "give each row one value a name"
            )
        values = tuple(_value(directive, cell) for cell in cells)
        shown = (cell.value if isinstance(cell, ast.Constant) else ast.unparse(cell) for cell in cells)
        label = "-".join(f"{name}={_shown(value)}" for name, value in zip(columns, shown, strict=True))
        if any(row.label == label for row in rows):
            raise directive.error(f"{label} is there twice", "give each case once")
        rows.append(_Row(values, label))
    return rows


def _shown(value: object) -> str:
    """A value in a test's id: as in the source, large numbers in hexadecimal, without characters that end the id."""
    if isinstance(value, int):
        return f"{value:#x}" if value >= 1 << 12 else str(value)
    return re.sub(r"\s+|::|[^ -~]", " ", str(value))


def _number(directive: Directive, text: str) -> int:
    try:
        value = value_of(parse(text), KnownNames())
    except UsageError as error:
        raise directive.error(error.what, error.remedy) from None
    if not isinstance(value, int):
        raise directive.error(f"{text!r} is not a number", "write whole numbers at both ends")
    return value


def _value(directive: Directive, node: ast.expr) -> int | str:
    try:
        value = value_of(node, KnownNames())
    except UsageError as error:
        raise directive.error(error.what, error.remedy) from None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int):
        return value
    raise directive.error(f"{ast.unparse(node)!r} is neither a number nor text", 'write 5 or "text"')
