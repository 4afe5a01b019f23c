"""Pane: one fault in two lanes, user space and kernel; in a narrow pane the kernel's lane is indented instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.text import Text

from pffemu.debug.panes import NAME, QUIET
from pffemu.report.timeline import lane_titles, rows

_TIME: Final = 8  # columns
_LANE: Final = 36  # columns that a lane needs beside another one
_INDENT: Final = "    "


def timeline(fault: Sequence[Any], width: int, height: int) -> Text:
    """The latest `height` lines of a fault's events, WalkRefused first; in virtual cycles from there on."""
    text = Text()
    if not fault:
        return text.append("no page fault yet\n", QUIET)
    lane = (width - _TIME - 4) // 2
    titles = lane_titles(fault)
    if lane >= _LANE:
        text.append(f"{'cycles':>{_TIME}}  {_cell(titles[0], lane)}  {titles[1]}\n", NAME)
    else:
        text.append(f"{'cycles':>{_TIME}}  {titles[0]}\n{'':>{_TIME}}  {_INDENT}{titles[1]}\n", NAME)
    shown = rows(fault)
    left = max(1, height - len(text.plain.splitlines()))
    before = shown[-left - 1].cycles if len(shown) > left else None
    for row in shown[-left:]:
        cycles = "" if row.cycles == before else f"{row.cycles:,}"
        before = row.cycles
        text.append(f"{cycles:>{_TIME}}  ", QUIET)
        if lane >= _LANE:
            text.append(f"{'' if row.lane == 0 else _cell('', lane) + '  '}{_cell(row.text, lane)}".rstrip() + "\n")
        else:
            text.append(f"{_INDENT if row.lane else ''}{row.text}\n")
    return text


def _cell(words: str, width: int) -> str:
    return f"{words if len(words) <= width else words[: width - 1] + '…':<{width}}"
