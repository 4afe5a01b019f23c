"""Macros: their parameters, the arguments of a use, and the substitution."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pffemu.asm.data_directives import split_arguments
from pffemu.asm.source import Place, Statement
from pffemu.errors import AssemblyError

_NAME: Final = r"[A-Za-z_.$][\w.$]*"
_HEADER: Final = re.compile(rf"({_NAME})\s*,?\s*(.*)", re.ASCII)
_PARAMETER: Final = re.compile(
    rf"({_NAME})(?::(req|vararg))?(?:\s*=\s*(\"[^\"]*\"|[^\s,]+))?\s*(?:,\s*|\s|$)", re.ASCII
)
_KEYWORD: Final = re.compile(rf"({_NAME})\s*=(?!=)\s*(.*)", re.ASCII)
_USE: Final = re.compile(r"\\(?:\(\)|(@)|([A-Za-z_$][\w$]*))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro. `defaults` by parameter, in order; `rest`: the last parameter takes all remaining arguments."""

    name: str
    defaults: Mapping[str, str]
    required: frozenset[str]
    rest: bool
    body: Sequence[Place]


def header_of(statement: Statement, body: Sequence[Place]) -> Macro:
    """The macro that `.macro NAME PARAMETERS` defines. Raises AssemblyError."""
    match = _HEADER.fullmatch(statement.rest)
    if match is None:
        raise AssemblyError(".macro without a name", remedy=".macro name first, second=default")
    defaults, required, rest, at = dict[str, str](), set[str](), False, 0
    while at < len(match[2]):
        one = _PARAMETER.match(match[2], at)
        if one is None or one[1] in defaults or rest:
            what = f"cannot read the parameters {match[2][at:]!r} of macro {match[1]!r}"
            raise AssemblyError(what, remedy=".macro name first, second=default, third:req, others:vararg")
        defaults[one[1]] = (one[3] or "").strip('"')
        required |= {one[1]} if one[2] == "req" else set()
        rest, at = one[2] == "vararg", one.end()
    return Macro(match[1].lower(), defaults, frozenset(required), rest, body)


def arguments_of(macro: Macro | None, text: str) -> dict[str, str]:
    """Values of the parameters of `macro`; without one, all arguments, numbered. Raises AssemblyError."""
    given = [_unquoted(argument) for argument in split_arguments(text)]
    if macro is None:
        return {str(i): value for i, value in enumerate(given)}
    names, values = list(macro.defaults), dict[str, str]()
    for position, value in enumerate(given):
        keyword = _KEYWORD.fullmatch(value)
        if keyword is not None and keyword[1] in macro.defaults:
            name, value = keyword[1], _unquoted(keyword[2])
        elif macro.rest and position >= len(names) - 1:
            values[names[-1]] = ", ".join(split_arguments(text)[position:])
            break
        elif position < len(names):
            name = names[position]
        else:
            what = f"macro {macro.name!r} takes {len(names)} arguments, not {len(given)}"
            raise AssemblyError(what, remedy="commas separate arguments; quote one that has a comma")
        if value:
            values[name] = value
    missing = sorted(macro.required - values.keys())
    if missing:
        raise AssemblyError(f"macro {macro.name!r} needs a value for {missing[0]!r}", remedy="give one")
    return {**macro.defaults, **values}


def substituted(line: str, values: Mapping[str, str]) -> str:
    r"""The line with `\name` and `\@` replaced, and the separator `\()` gone; in strings, too."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or ""
        return values.get(name, match[0]) if name else ""

    return _USE.sub(value, line) if "\\" in line else line


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
