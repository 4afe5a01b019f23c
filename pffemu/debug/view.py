"""What the recorded marks say about now: the fault last taken, the frames not returned from."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from pffemu.debug.journal import Journal
from pffemu.events.hw import FramePushed, Resumed, Uiret, WalkRefused

_REACH: Final = 20_000  # marks looked back


def last_fault(journal: Journal) -> list[Any]:
    """The marks from the latest refused walk on, until its thread resumed or until now; empty: none within reach."""
    found: list[Any] = []
    for _, mark in islice(journal.backwards(journal.count + 1), _REACH):
        found.append(mark)
        if type(mark) is WalkRefused:
            return _until_resumed(found[::-1])
    return []


def _until_resumed(marks: list[Any]) -> list[Any]:
    first = marks[0]
    for i, mark in enumerate(marks):
        if type(mark) is Resumed and mark.tid == first.tid and mark.rip == first.rip:
            return marks[: i + 1]
    return marks


def open_frames(journal: Journal, tid: int) -> list[FramePushed]:
    """Frames on the thread's stack that no UIRET has taken, innermost first."""
    found, returned = [], 0
    for _, mark in islice(journal.backwards(journal.count + 1), _REACH):
        if type(mark) is Uiret and mark.tid == tid:
            returned += 1
        elif type(mark) is FramePushed and mark.tid == tid:
            if returned:
                returned -= 1
            else:
                found.append(mark)
    return found
