"""Splits a test file into blocks: each starts with `# test: CLAIM`; what is above the first is shared by all.

Each block is assembled as the whole file with the other blocks' lines emptied, so that every line keeps its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pffemu.testing.c_source import is_c
from pffemu.testing.directives import Directive, read_directives
from pffemu.testing.errors import TestFileError

BEGIN: Final = "test.begin"  # label: the block's first instruction
END: Final = "test.end"  # label: behind its last one
_HOLE: Final = re.compile(r"\{(\w+)\}")
_SLUG_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class Block:
    """One test: `claim` in English, its directives (defaults and shared ones first), and its lines [first, last]."""

    claim: str
    file: str
    first: int  # line of `# test:`, counted from 1
    last: int
    shared_last: int  # last line of the shared part, 0 when there is none
    directives: tuple[Directive, ...]

    @property
    def slug(self) -> str:
        return slug(self.claim)

    def named(self, name: str) -> list[Directive]:
        return [directive for directive in self.directives if directive.name == name]

    def last_named(self, name: str) -> Directive | None:
        """The directive that counts, where only one can: the block's own hides the shared one."""
        found = self.named(name)
        return found[-1] if found else None


def slug(text: str) -> str:
    """`STUI sets UIF` is `STUI-sets-UIF` in a test's id."""
    return re.sub(r"[^\w.#+=<>-]+", "-", text).strip("-")[:_SLUG_LENGTH].rstrip("-")


def read_blocks(source: str, file: str, defaults: Sequence[Directive] = ()) -> list[Block]:
    """The blocks of a test file; `defaults` come before the shared directives. Raises TestFileError."""
    directives = read_directives(source, file)
    lines = source.count("\n") + 1
    starts = [directive for directive in directives if directive.name == "test"]
    if not starts:
        return []
    shared = [directive for directive in directives if directive.number < starts[0].number]
    blocks, seen = [], dict[str, int]()
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if not start.text:
            raise start.error("no claim", "say in English what the block shows")
        if not slug(start.text):
            raise start.error(f"no letter and no digit in {start.text!r}", "say in words what the block shows")
        if start.text in seen:
            raise start.error(
                f"the claim {start.text!r} stands in line {seen[start.text]} already", "say how it differs"
            )
        seen[start.text] = start.number
        last = following.number - 1 if following is not None else lines
        own = [directive for directive in directives if start.number < directive.number <= last]
        block = Block(start.text, file, start.number, last, starts[0].number - 1, (*defaults, *shared, *own))
        blocks.append(block)
    _check_unique_slugs(blocks)
    return blocks


def _check_unique_slugs(blocks: list[Block]) -> None:
    seen = dict[str, Block]()
    for block in blocks:
        other = seen.setdefault(block.slug, block)
        if other is not block:
            raise TestFileError(
                f"# test: its name {block.slug!r} is also that of line {other.first}",
                where=f"{block.file}:{block.first}",
                remedy="word the claim differently in its first 80 characters",
            )


def source_of(block: Block, source: str, texts: Mapping[str, str]) -> str:
    """What is assembled for `block`, or compiled, without the harness's code; `texts` fill `{name}` in assembly."""
    lines = []
    for number, line in enumerate(source.split("\n"), start=1):
        kept = number <= block.shared_last or block.first < number <= block.last
        lines.append(line if kept else "")
    if is_c(block.file):
        return "\n".join(lines)
    if texts:
        lines = [fill(line, texts) for line in lines]
    lines[block.first - 1] = ".text"
    if block.first == len(lines):
        lines.append("")
    lines[block.first] = f"{BEGIN}: {lines[block.first]}"
    return "\n".join(lines)


def fill(text: str, texts: Mapping[str, str]) -> str:
    """`{name}` replaced by the text parameter of that name."""
    return _HOLE.sub(lambda match: texts.get(match[1], match[0]), text)
