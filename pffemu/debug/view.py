"""The state that the recorded marks imply: the last fault, the frames that UIRET has not taken."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from pffemu.debug.journal import Journal
from pffemu.events.hw import FramePushed, Uiret, WalkRefused
from pffemu.report.one_fault import OneFault

_REACH: Final = 20_000  # marks looked back


def last_fault(journal: Journal) -> list[Any]:
    """The marks of the last fault, until its end or until now; empty: no fault within reach."""
    found: list[Any] = []
    for _, mark in islice(journal.backwards(journal.count + 1), _REACH):
        found.append(mark)
        if type(mark) is WalkRefused:
            fault = OneFault(mark.fault)
            for each in reversed(found):
                fault(each)
            return fault.so_far
    return []


def open_frames(journal: Journal, tid: int) -> list[FramePushed]:
    """Frames of delivery on the thread's stack that UIRET has not taken, innermost first."""
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
