"""Splits source text into statements: removes comments, splits off labels, gives numeric labels unique names.

Comments start with `#`, `//` or `;` and run to the end of the line, or are enclosed in `/*` and `*/`. In GNU as and
keystone `;` separates statements; here it starts a comment, as in NASM, and a line with what looks like a statement
behind `;` is refused later (lint). `1:` with `jmp 1b` and `jmp 1f` become names that no source can contain ("1@3").
"""

from __future__ import annotations

import bisect
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from pffemu.asm.registers import SEGMENTS
from pffemu.errors import AssemblyError

LEXEME: Final = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"          # a string survives
        | '(?:\\.|[^'\\\n])'         # so does a character
        | (?P<block>/\*.*?\*/)
        | (?P<open>/\*)
        | (?P<line>(?:\#|//|;)[^\n]*)""",
    re.VERBOSE | re.DOTALL,
)
LABEL: Final = re.compile(r"\s*([A-Za-z_.][\w.$]*|\d+)\s*:(?!:)", re.ASCII)
ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z_.][\w.$]*)\s*(?:=(?!=)|\s[eE][qQ][uU]\s)\s*(.*)", re.ASCII)
NUMERIC_REFERENCE: Final = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'|(?<![\w.@$])(\d+)([bf])(?![\w.@$])", re.ASCII
)
INCLUDE: Final = re.compile(r"\s*\"([^\"]+)\"\s*", re.ASCII)
DEEPEST_INCLUDE: Final = 32
_FILES_KEPT: Final = 64
_MOST_USES: Final = 4  # uses of one line that a message shows


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, for messages and listings.

    `code`: without comments. `used`: where a macro or repetition with this line in it was written out, innermost first.
    """

    file: str
    number: int
    text: str
    code: str = ""
    after_semicolon: str = ""
    used: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One label, directive, assignment or instruction. `word` is lower case; a label or an assignment has the word
    ':' or '='."""

    place: Place
    word: str
    rest: str
    name: str = ""
    after_semicolon: str = ""


def blame(error: AssemblyError, place: Place) -> AssemblyError:
    """The same error with its place added."""
    shown = place.used if len(place.used) <= _MOST_USES else (*place.used[: _MOST_USES - 1], "...", place.used[-1])
    lines = "".join(f"\n  in {used}" for used in shown)
    return AssemblyError(f"{error.what}\n  | {place.text.strip()}{lines}", where=place.where, remedy=error.remedy)


@lru_cache(maxsize=_FILES_KEPT)
def statements_of(source: str, file: str) -> tuple[Statement, ...]:
    """The statements of this text, without its includes. Cached, because the same files are included often."""
    source = source.replace("\r\n", "\n")
    code, semicolons = strip_comments(source, file)
    originals = source.split("\n")
    statements = list[Statement]()
    for number, line in enumerate(code.split("\n"), start=1):
        if line and not line.isspace():
            place = Place(file, number, originals[number - 1], line, semicolons.get(number, ""))
            statements += split_line(line, place)
    return tuple(statements)


def strip_comments(source: str, file: str) -> tuple[str, dict[int, str]]:
    """The text with comments blanked, line numbers kept, and what followed a `;` on each line."""
    semicolons = dict[int, str]()
    line_ends = [match.start() for match in re.finditer("\n", source)]

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        if match["block"]:
            return " " + "\n" * text.count("\n")
        if match["open"]:
            number = bisect.bisect(line_ends, match.start()) + 1
            raise AssemblyError("the comment is never closed", where=f"{file}:{number}", remedy="end it with */")
        if match["line"]:
            if text.startswith(";"):
                number = bisect.bisect(line_ends, match.start()) + 1
                semicolons[number] = re.split(r"[#;]|//|/\*", text[1:])[0].strip()
            return ""
        return text

    return LEXEME.sub(blank, source), semicolons


def split_line(line: str, place: Place) -> list[Statement]:
    """The statements of a line: labels first, then at most one other."""
    statements = list[Statement]()
    while (match := LABEL.match(line)) and match[1].lower() not in SEGMENTS:
        statements.append(Statement(place, ":", "", name=match[1]))
        line = line[match.end() :]
    if not line.strip():
        return statements
    assignment = ASSIGNMENT.fullmatch(line)
    if assignment:
        return [*statements, Statement(place, "=", assignment[2], name=assignment[1])]
    word, *rest = line.split(None, 1)
    return [*statements, Statement(place, word.lower(), "".join(rest).strip(), after_semicolon=place.after_semicolon)]


def included(statement: Statement, include_dirs: Sequence[Path], open_files: tuple[Path, ...]) -> tuple[str, Path]:
    """Text and name of the file that `.include` names. Raises AssemblyError."""
    place = statement.place
    match = INCLUDE.fullmatch(statement.rest)
    if match is None:
        raise AssemblyError(".include needs one quoted file name", remedy='.include "name.inc"')
    folders = [Path(place.file).parent, *include_dirs] if place.file != "<string>" else list(include_dirs)
    found = next((folder / match[1] for folder in folders if os.path.isfile(folder / match[1])), None)
    if found is None:
        searched = ", ".join(str(folder) for folder in folders) or "no folder: the source is a string"
        what = f"include file {match[1]!r} not found (searched {searched})"
        raise AssemblyError(what, remedy="give its folder in include_dirs (-I)")
    if found.resolve() in open_files or len(open_files) == DEEPEST_INCLUDE:
        raise AssemblyError(f"{match[1]!r} includes itself", remedy="remove one of the .include lines")
    try:
        return found.read_text(encoding="utf-8"), found
    except (OSError, UnicodeDecodeError) as error:
        raise AssemblyError(f"cannot read {found}: {error}", remedy="check the file") from error


def name_numeric_labels(statements: list[Statement]) -> list[Statement]:
    """`1:` becomes `1@n` for its n-th definition; `1b` and `1f` the nearest definition behind and ahead."""
    counts = dict[str, int]()
    for statement in statements:
        if statement.word == ":" and statement.name.isdigit():
            counts[statement.name] = counts.get(statement.name, 0) + 1
    if not counts:
        return statements
    seen = dict.fromkeys(counts, 0)
    renamed = []
    for statement in statements:
        if statement.word == ":" and statement.name.isdigit():
            seen[statement.name] += 1
            renamed.append(replace(statement, name=f"{statement.name}@{seen[statement.name]}"))
        else:
            renamed.append(replace(statement, rest=_resolve_numeric(statement, seen, counts)))
    return renamed


def _resolve_numeric(statement: Statement, seen: dict[str, int], counts: dict[str, int]) -> str:
    def resolve(match: re.Match[str]) -> str:
        digits, direction = match[1], match[2]
        if digits is None:
            return match[0]
        ordinal = seen.get(digits, 0) + (direction == "f")
        return f"{digits}@{ordinal}" if 1 <= ordinal <= counts.get(digits, 0) else match[0]

    return NUMERIC_REFERENCE.sub(resolve, statement.rest)
