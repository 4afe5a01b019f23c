"""Data directives: sizes are known at once, bytes once every label has an address. keystone never sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pffemu.asm import floats
from pffemu.asm.expressions import ESCAPES, Anchor, Names, Value, evaluate
from pffemu.errors import AssemblyError

WIDTHS: Final = {
    **dict.fromkeys((".byte",), 1),
    **dict.fromkeys((".word", ".short", ".2byte", ".hword", ".value"), 2),
    **dict.fromkeys((".long", ".int", ".4byte"), 4),
    **dict.fromkeys((".quad", ".8byte"), 8),
    ".octa": 16,
}
FLOATS: Final = {".float": 4, ".single": 4, ".double": 8}
STRINGS: Final = {".ascii": b"", ".asciz": b"\0", ".string": b"\0"}
SPACES: Final = frozenset((".skip", ".space", ".zero"))
ALIGNMENTS: Final = frozenset((".align", ".balign", ".p2align"))
FILL: Final = ".fill"
DIRECTIVES: Final = frozenset((*WIDTHS, *FLOATS, *STRINGS, *SPACES, *ALIGNMENTS, FILL))

STRING: Final = re.compile(r'\s*"((?:\\.|[^"\\])*)"\s*')
ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)")
PAGE: Final = 4096
MOST_DATA: Final = 1 << 28  # bytes, except in .bss, whose bytes are not stored
MOST_SPACE: Final = 1 << 46


@dataclass(frozen=True, slots=True)
class Data:
    """Contents of one directive: literal bytes, `values` of `width` bytes each, or `size` times the byte `fill`."""

    size: int
    literal: bytes = b""
    width: int = 0
    values: tuple[Value, ...] = ()
    fill: int = 0

    def encode(self, addresses: Mapping[Anchor, int]) -> bytes:
        if self.values:
            return b"".join(_fit(value.at(addresses), self.width) for value in self.values)
        return self.literal or bytes([self.fill]) * self.size


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pad to a multiple of `boundary`, unless that takes more than `most` bytes.

    `fill` None means no-ops in code, zeros in data.
    """

    boundary: int
    fill: int | None
    most: int | None = None

    def padding(self, offset: int) -> Data:
        size = -offset % self.boundary
        return Data(0 if self.most is not None and size > self.most else size, fill=self.fill or 0)


def split_arguments(text: str) -> list[str]:
    """Comma-separated arguments; a comma inside parentheses or quotes does not separate."""
    pieces = re.findall(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'|\([^()]*\)|[^,])+|,""", text)
    arguments = " ".join("\0" if piece == "," else piece for piece in pieces).split("\0")
    return [argument.strip() for argument in arguments] if text.strip() else []


def parse(word: str, rest: str, names: Names) -> Data | Alignment:
    """One directive of DIRECTIVES. `names` must know every label that decides a size."""
    if word in STRINGS:
        return _parse_strings(rest, STRINGS[word])
    arguments = split_arguments(rest)
    most = None
    if word in ALIGNMENTS and len(arguments) == 3:
        most = plain_number(arguments.pop(), names)
        arguments = arguments[: 2 if arguments[1] else 1]
    if not arguments or "" in arguments:
        raise AssemblyError(f"{word} with an argument missing", remedy="give a value after each comma")
    if word in WIDTHS:
        values = tuple(evaluate(argument, names) for argument in arguments)
        for value in values:
            if not value.anchors:
                _fit(value.constant, WIDTHS[word])
        return Data(WIDTHS[word] * len(values), b"", WIDTHS[word], values)
    if word in FLOATS:
        literal = b"".join(floats.encode(argument, FLOATS[word]) for argument in arguments)
        return Data(len(literal), literal)
    numbers = [plain_number(argument, names) for argument in arguments]
    if word == FILL:
        return _parse_fill(numbers)
    if word in SPACES:
        return _parse_space(word, numbers)
    return replace(_parse_alignment(word, numbers), most=most)


def plain_number(text: str, names: Names) -> int:
    value = evaluate(text, names)
    if value.anchors:
        raise AssemblyError(f"{text!r} must be a plain number here", remedy="use numbers or labels of one data section")
    return value.constant


def _parse_strings(rest: str, ending: bytes) -> Data:
    arguments = split_arguments(rest)
    if not arguments:
        raise AssemblyError("a string directive without a string", remedy='write the text in double quotes: "text"')
    literal = b""
    for argument in arguments:
        match = STRING.fullmatch(argument)
        if match is None:
            raise AssemblyError(f"{argument!r} is not a string", remedy='write the text in double quotes: "text"')
        literal += unescape(match[1]) + ending
    return Data(len(literal), literal)


def unescape(text: str) -> bytes:
    result, position = b"", 0
    for match in ESCAPE.finditer(text):
        result += text[position : match.start()].encode() + bytes([_escaped(match[1])])
        position = match.end()
    return result + text[position:].encode()


def _escaped(code: str) -> int:
    if code[0] == "x" and len(code) > 1:
        return int(code[1:], 16)
    if code[0] in "01234567":
        return int(code, 8) & 0xFF
    if code not in ESCAPES:
        raise AssemblyError(f"unknown escape '\\{code}'", remedy='use \\n \\t \\r \\0 \\\\ \\" or \\x41')
    return ESCAPES[code]


def _parse_space(word: str, numbers: list[int]) -> Data:
    size, fill = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if len(numbers) > 2 or not 0 <= size <= MOST_SPACE or not -128 <= fill <= 255:
        raise AssemblyError(f"{word} {', '.join(map(str, numbers))} makes no sense", remedy=f"{word} size, fill byte")
    return Data(size, fill=fill & 0xFF)


def _parse_fill(numbers: list[int]) -> Data:
    repeats, size, value = (*numbers, 1, 0)[:3] if len(numbers) == 1 else (*numbers, 0)[:3]
    if len(numbers) > 3 or not 0 <= repeats <= MOST_DATA or not 0 <= size <= 8 or repeats * size > MOST_DATA:
        raise AssemblyError(f".fill {', '.join(map(str, numbers))} makes no sense", remedy=".fill repeats, size, value")
    if not value:
        return Data(repeats * size)
    literal = (value & 0xFFFF_FFFF).to_bytes(8, "little")[:size] * repeats  # only four bytes of the value count
    return Data(len(literal), literal)


def _parse_alignment(word: str, numbers: list[int]) -> Alignment:
    if len(numbers) > 2 or (len(numbers) == 2 and not 0 <= numbers[1] <= 255):
        raise AssemblyError(f"{word} takes a boundary and a fill byte", remedy=f"write {word} {numbers[0]}")
    boundary = numbers[0]
    if word == ".p2align":
        boundary = 1 << boundary if 0 <= boundary <= 12 else 0
    if boundary not in (1 << power for power in range(13)):
        remedy = "use a power of two up to 4096, the page size sections start at"
        raise AssemblyError(f"{word} {numbers[0]} is not a possible alignment", remedy=remedy)
    return Alignment(boundary, numbers[1] if len(numbers) == 2 else None)


def _fit(number: int, width: int) -> bytes:
    if not -(1 << (8 * width - 1)) <= number < 1 << 8 * width:
        raise AssemblyError(f"{number:#x} does not fit in {width} bytes", remedy="use a wider directive, or mask it")
    return (number % (1 << 8 * width)).to_bytes(width, "little")
