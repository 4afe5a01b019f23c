"""Invariants of the numbers of faults in every run's events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pffemu.events.hw import MmuDecision, Resumed, WalkRefused
from pffemu.events.kernel import FaultAbandoned, KernelPageFault
from pffemu.events.signals import SignalReturned

_ENDS = (Resumed, SignalReturned, FaultAbandoned)


def ends_of(events: Iterable[Any]) -> dict[int, str]:
    """How each fault ended, by number: its path, or why it was abandoned; empty: inside another one's end, or never.

    Numbers are given in order, from 1; no event belongs to a fault before it begins, nor after it is over.
    """
    ends: dict[int, str] = {}
    open_faults: dict[int, int] = {}  # number -> faulting thread
    for event in events:
        number = getattr(event, "fault", 0)
        assert number or not isinstance(event, WalkRefused | MmuDecision | Resumed | FaultAbandoned), event
        if not number:
            continue
        if number not in ends:
            assert isinstance(event, WalkRefused | KernelPageFault), event
            assert number == len(ends) + 1
            ends[number], open_faults[number] = "", event.tid
        assert number in open_faults, event
        if isinstance(event, _ENDS):
            assert event.tid == open_faults[number], event
            ends[number] = event.why if isinstance(event, FaultAbandoned) else event.path
            assert ends[number], event
            for inside in [n for n, tid in open_faults.items() if n >= number and tid == event.tid]:
                del open_faults[inside]
    return ends
