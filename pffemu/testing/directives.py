"""Directives: comments for the test plugin, and the detection of misspelt ones.

A comment that starts with one lower-case word and a colon, or with CHECK, is a directive, also behind an instruction.
An unknown word is an error, because a silently ignored claim is worse than none; prose with a colon starts with a
capital letter or a second comment sign.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Final

from pffemu.asm.source import LEXEME
from pffemu.inspect.nearest import nearest
from pffemu.testing.c_source import C_LEXEME, is_c
from pffemu.testing.errors import TestFileError

SETUP: Final = ("mode", "cpu", "cpus", "ram", "regions", "map", "uffd", "forward", "signal", "thread", "regs", "state",
                "budget", "stdin", "arguments", "native", "libc", "cflags", "sources", "includes")  # fmt: skip
CLAIMS: Final = ("expect", "at", "fault", "raises", "deadlock", "budget-used-up", "warns", "count", "cycles")
MARKS: Final = ("param", "xfail", "skip", "slow")
DEBUGGING: Final = ("break", "debug")  # for `pffemu debug FILE --test NAME`; they claim nothing
KNOWN: Final = ("test", *SETUP, *CLAIMS, *MARKS, *DEBUGGING)

CHECK: Final = re.compile(r"CHECK(-(NEXT|NOT|SAME|DAG|EMPTY|LABEL|COUNT-[1-9]\d{0,8}))?(\{LITERAL\})?:")
_SIGNS: Final = re.compile(r"(#|//|;)(?P<text>(?!#|//|;).*)", re.DOTALL)
_WORD: Final = re.compile(r"\s*(?P<name>[a-z][a-z-]*):(?P<text>.*)", re.DOTALL)
_AT: Final = re.compile(r"\s*at\s+(?P<label>[A-Za-z_.][\w.$]*(?:#\d{1,18})?)\s*:(?P<text>.*)", re.DOTALL | re.ASCII)
_ALONE: Final = re.compile(r"\s*(slow|budget-used-up)\s*")
_CAPITALS: Final = re.compile(r"\s*(?P<name>[A-Z]{3,7})(-[A-Z0-9-]+)?(\{\w+\})?:")
_NO_COLON: Final = re.compile(r"\s*(?P<name>[a-z-]+)\s+[^:]*[=<>!]=")


@dataclass(frozen=True, slots=True)
class Directive:
    """`# name: text` on line `number` of `file` (0: of none); `label`: LABEL in `# at LABEL:`."""

    name: str
    text: str
    file: str
    number: int
    label: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}" if self.number else self.file

    def error(self, what: str, remedy: str) -> TestFileError:
        return TestFileError(f"# {self.name}: {what}", where=self.where, remedy=remedy)


def read_directives(source: str, file: str) -> list[Directive]:
    """All directives of a source text, in order. Raises TestFileError for an unknown one."""
    found = []
    for match in (C_LEXEME if is_c(file) else LEXEME).finditer(source):
        if match["line"] is None:
            continue
        number = source.count("\n", 0, match.start()) + 1
        directive = _read(match["line"].rstrip(), file, number)
        if directive is not None:
            found.append(directive)
    return found


def _read(comment: str, file: str, number: int) -> Directive | None:
    signs = _SIGNS.fullmatch(comment)
    if signs is None:
        return None
    text = signs["text"]
    if CHECK.match(text.strip()):
        name, _, rest = text.strip().partition(":")
        return Directive(name, rest.strip(), file, number)
    if (match := _AT.fullmatch(text)) is not None:
        return Directive("at", match["text"].strip(), file, number, match["label"])
    if (match := _ALONE.fullmatch(text)) is not None:
        return Directive(match[1], "", file, number)
    if (match := _WORD.match(text)) is not None and not match["text"].startswith("//"):
        return _named(match["name"], match["text"].strip(), f"{file}:{number}", file, number)
    _refuse_near_misses(text, f"{file}:{number}")
    return None


def _named(name: str, text: str, where: str, file: str, number: int) -> Directive:
    if name in DEBUGGING and not text:
        remedy = "write `# break: LABEL`, or `# debug: COMMAND`; what must hold at a label says `# at LABEL:`"
        raise TestFileError(f"# {name}: without a text", where=where, remedy=remedy)
    if name == "at":
        raise TestFileError("# at: without a label", where=where, remedy="write `# at LABEL: EXPRESSION`")
    if name not in KNOWN:
        remedy = f"{nearest(name, KNOWN)} (prose with a colon: start it with a capital letter)"
        raise TestFileError(f"unknown directive {name!r}", where=where, remedy=remedy)
    return Directive(name, text, file, number)


def _refuse_near_misses(text: str, where: str) -> None:
    """Refuse `# CHECKNEXT:`, `# CHEK:`, and `# expect rax == 1` without its colon."""
    capitals = _CAPITALS.match(text)
    if capitals is not None and difflib.get_close_matches(capitals["name"], ("CHECK", "CHECKNEXT", "CHECKNOT"), 1, 0.7):
        words = ("CHECK", "CHECK-NEXT", "CHECK-NOT", "CHECK-SAME", "CHECK-DAG", "CHECK-COUNT-2", "CHECK-EMPTY")
        given = text.strip().partition(":")[0]
        raise TestFileError(f"unknown directive {given!r}", where=where, remedy=nearest(given, words))
    bare = _NO_COLON.match(text)
    if bare is not None and bare["name"] in CLAIMS:
        raise TestFileError(
            f"{bare['name']!r} without a colon claims nothing", where=where, remedy=f"write `# {bare['name']}: ...`"
        )


def is_test_file(source: str, file: str) -> bool:
    """Whether the text holds a `# test:`, or in assembly what looks like one misspelt.

    C files called test_... often have nothing to do with pffemu, so misspellings in them are not reported.
    """
    if is_c(file):
        comments = (match["line"] for match in C_LEXEME.finditer(source) if match["line"])
        return any(re.match(r"//\s*test:", comment) for comment in comments)
    for match in LEXEME.finditer(source):
        word = _WORD.match(match["line"].lstrip("#/;")) if match["line"] else None
        if word is not None and difflib.get_close_matches(word["name"], ["test"], 1, 0.74):
            return True
    return False
