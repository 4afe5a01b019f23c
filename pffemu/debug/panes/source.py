"""Pane: source lines around RIP."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.debug.panes.code import SourceLine


def source(lines: Sequence[tuple[SourceLine, bool]], place: str) -> Text:
    """`lines`: each with whether it is RIP's; `place`: RIP in words, for where there are none."""
    text = Text()
    if not lines:
        return text.append(f"no source for {place}: build with -g, or name its folder with --source\n", QUIET)
    text.append(f"{lines[0][0].file}\n", NAME)
    for line, here in lines:
        text.append(f"{'=>' if here else '  '} {line.number:>4}  {line.text.expandtabs(4)}", HERE if here else "")
        text.append("\n")
    return text
