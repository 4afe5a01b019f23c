"""Names assigned more than once (`.set i, i + 1`): each assignment gets a unique name that no source can contain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pffemu.asm.source import Statement

_WORDS: Final = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'|(?<![\w.@$])([A-Za-z_.][\w.$]*)(?![\w.$@])", re.ASCII
)


def number_assignments(statements: Sequence[Statement]) -> list[Statement]:
    """`i` becomes `i@n` for its n-th assignment by `=` or `.set`; a use means the latest one before it."""
    counts = Counter([_assigned(statement) for statement in statements if statement.word in ("=", ".set")])
    several = {name for name, count in counts.items() if name and count > 1}
    if not several:
        return list(statements)
    seen, renamed = Counter[str](), list[Statement]()

    def versioned(match: re.Match[str]) -> str:
        name = match[1]
        return f"{name}@{seen[name]}" if name in several and seen[name] else match[0]

    for statement in statements:
        name = _assigned(statement)
        if name not in several:
            renamed.append(replace(statement, rest=_WORDS.sub(versioned, statement.rest)))
            continue
        text = statement.rest if statement.word == "=" else statement.rest.partition(",")[2]
        value = _WORDS.sub(versioned, text).strip()
        seen[name] += 1
        renamed.append(replace(statement, word="=", name=f"{name}@{seen[name]}", rest=value))
    return renamed


def _assigned(statement: Statement) -> str:
    """The name that `=` or `.set` gives a value, or ''."""
    if statement.word == "=":
        return statement.name
    return statement.rest.partition(",")[0].strip() if statement.word == ".set" else ""
