"""Expansion of a source: files are included, macros and repetitions written out, conditions decided.

.macro .endm .exitm .purgem, .rept .irp .irpc .endr, .if and its variants are as in GNU as, except that only commas
separate the arguments of macros. A written-out statement keeps its line in the body, and the lines that used the body.
Conditions and counts need numbers that are already known: labels have no address yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from pffemu.asm import conditions
from pffemu.asm.data_directives import plain_number
from pffemu.asm.expressions import Value
from pffemu.asm.macros import Macro, arguments_of, header_of, substituted
from pffemu.asm.source import Place, Statement, blame, included, name_numeric_labels, split_line, statements_of
from pffemu.asm.symbol_versions import number_assignments
from pffemu.errors import AssemblyError

DEEPEST: Final = 64  # macros and repetitions inside each other
MOST: Final = 200_000  # statements written out
REPEATS: Final = frozenset((".rept", ".irp", ".irpc"))
_CLOSERS: Final = {
    ".macro": (".endm",),
    **dict.fromkeys(REPEATS, (".endr",)),
    **dict.fromkeys(conditions.OPENERS, (".endif",)),
}
_STRAY: Final = frozenset((".endm", ".endr", ".endif", ".else", ".elseif"))


def read(
    source: str, file: str, include_dirs: Sequence[Path], defines: Mapping[str, int] | None = None
) -> list[Statement]:
    """All statements of a source text and of what it includes."""
    expander = _Expander(include_dirs, defines or {})
    expander.expand(statements_of(source, file), 0)
    return number_assignments(name_numeric_labels(expander.output))


class _MacroLeft(Exception):
    """.exitm"""


class _Expander:
    def __init__(self, include_dirs: Sequence[Path], defines: Mapping[str, int]) -> None:
        self._include_dirs = include_dirs
        self._open_files: tuple[Path, ...] = ()
        self._macros = dict[str, Macro]()
        self._numbers = dict(defines)
        self._constants = dict[str, str]()  # values of .equ, not yet evaluated
        self._names = set(defines)  # defined so far
        self._noted = 0  # statements of `output` noted so far, on demand: most sources need none
        self._used = 0  # macros used so far: the value of \@
        self._written = 0
        self.output = list[Statement]()

    def expand(self, statements: Sequence[Statement], depth: int) -> None:
        """Write out `statements`, which are inside `depth` macros and repetitions."""
        at = 0
        while at < len(statements):
            statement = statements[at]
            word = statement.word
            at += 1
            if word == ".equ" or not (word[0] == "." or word in self._macros):
                self.output.append(statement)  # the usual case
                continue
            try:
                if word in _CLOSERS:
                    end = self._end_of(statements, at - 1)
                    self._block(statement, statements[at:end], depth)
                    at = end + 1
                else:
                    self._single(statement, depth)
            except AssemblyError as error:
                raise error if error.where else blame(error, statement.place) from None

    def _single(self, statement: Statement, depth: int) -> None:
        word = statement.word
        if word in self._macros:
            self._call(self._macros[word], statement, depth)
        elif word == ".include":
            text, path = included(statement, self._include_dirs, self._open_files)
            before, self._open_files = self._open_files, (*self._open_files, path.resolve())
            self.expand(statements_of(text, str(path)), depth)
            self._open_files = before
        elif word == ".exitm":
            if not depth:
                raise AssemblyError(".exitm outside of a macro", remedy="remove the line")
            raise _MacroLeft
        elif word == ".purgem":
            if self._macros.pop(statement.rest.lower(), None) is None:
                raise AssemblyError(f"no macro {statement.rest!r}", remedy="define it first")
        elif word in _STRAY:
            raise AssemblyError(f"{word} without its beginning", remedy="remove it, or add .macro, .rept or .if")
        else:
            self.output.append(statement)

    def _catch_up(self) -> None:
        """Note the names defined so far, for conditions and counts."""
        while self._noted < len(self.output):
            self._noted += 1
            self._note(self.output[self._noted - 1])

    def _note(self, statement: Statement) -> None:
        name, text = statement.name, statement.rest
        if statement.word in (".equ", ".set"):
            name, _, text = (part.strip() for part in text.partition(","))
        elif statement.word not in ("=", ":"):
            return
        self._names.add(name)
        if statement.word == ".equ":
            self._constants[name] = text
        elif statement.word != ":":
            with suppress(AssemblyError):  # it has labels, or an error, which the layout reports
                self._numbers[name] = plain_number(text, self._known)

    def look_up(self, name: str) -> Value:
        """The value of `name`. Raises AssemblyError where it is not yet a known number."""
        self._catch_up()
        return self._known(name)

    def _known(self, name: str) -> Value:
        if name in self._constants:
            self._numbers[name] = plain_number(self._constants.pop(name), self._known)
        if name not in self._numbers:
            raise AssemblyError(f"{name!r} is not a number known here", remedy="define it above, with .equ")
        return Value(self._numbers[name])

    # -- blocks -----------------------------------------------------------------------------------------------------

    def _end_of(self, statements: Sequence[Statement], begin: int) -> int:
        """The index of the statement that closes the block beginning at `begin`."""
        closers = list[str]()
        for at in range(begin, len(statements)):
            word = statements[at].word
            if word in _CLOSERS:
                closers.append(_CLOSERS[word][0])
            elif word in (".endm", ".endr", ".endif") and word == closers[-1]:
                closers.pop()
                if not closers:
                    return at
        raise AssemblyError(f"{statements[begin].word} is never closed", remedy=f"end it with {closers[0]}")

    def _block(self, statement: Statement, inside: Sequence[Statement], depth: int) -> None:
        if statement.word == ".macro":
            macro = header_of(statement, _lines(inside))
            if macro.name in self._macros:
                raise AssemblyError(f"macro {macro.name!r} is defined twice", remedy="rename one, or .purgem it before")
            self._macros[macro.name] = macro
        elif statement.word in REPEATS:
            self._repeat(statement, _lines(inside), depth)
        else:
            self._catch_up()
            chosen = conditions.chosen(statement, inside, self.look_up, self._names)
            self.expand(chosen, depth)

    def _call(self, macro: Macro, statement: Statement, depth: int) -> None:
        values = arguments_of(macro, statement.rest)
        self._used += 1
        with suppress(_MacroLeft):
            self._write(statement, f"macro {macro.name}", macro.body, {**values, "@": str(self._used - 1)}, depth)

    def _repeat(self, statement: Statement, body: Sequence[Place], depth: int) -> None:
        name, _, rest = statement.rest.partition(",")
        if statement.word == ".rept":
            count = plain_number(statement.rest, self.look_up)
            if not 0 <= count <= MOST:
                raise AssemblyError(f"{count} repetitions", remedy=f"0 to {MOST}")
            rounds: list[dict[str, str]] = [{}] * count
        elif statement.word == ".irp":
            rounds = [{name.strip(): value} for value in arguments_of(None, rest).values()] or [{name.strip(): ""}]
        else:
            rounds = [{name.strip(): one} for one in rest.strip().strip('"')]
        if statement.word != ".rept" and not name.strip():
            raise AssemblyError(f"{statement.word} without a name", remedy=f"{statement.word} name, value, value")
        for values in rounds:
            self._write(statement, statement.word, body, values, depth)

    def _write(
        self, statement: Statement, what: str, body: Sequence[Place], values: Mapping[str, str], depth: int
    ) -> None:
        if depth == DEEPEST:
            raise AssemblyError(f"{what} inside {DEEPEST} others", remedy="does a macro use itself without an end?")
        used = (f"{what}, used at {statement.place.where}", *statement.place.used)
        written = list[Statement]()
        for line in body:
            code = substituted(line.code, values)
            written += split_line(code, replace(line, code=code, used=used))
        self._written += len(body)
        if self._written > MOST:
            raise AssemblyError(f"more than {MOST} lines are written out", remedy="repeat less, or use .skip")
        self.expand(written, depth + 1)


def _lines(statements: Sequence[Statement]) -> list[Place]:
    """The lines from which the statements were split."""
    places = list[Place]()
    for statement in statements:
        if not places or places[-1] is not statement.place:
            places.append(statement.place)
    return places
