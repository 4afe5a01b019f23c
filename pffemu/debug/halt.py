"""Why a debugged run stands where it stands, as a value every front-end reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pffemu.debug.moment import Moment
from pffemu.machine.stop import Stop


class Why(Enum):
    """What halted it."""

    START = "start"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    WATCHPOINT = "watchpoint"
    EVENT = "event"
    PHASE = "phase"
    INTERRUPTED = "interrupted"
    ENDED = "ended"
    HISTORY = "no more history"  # going back, the start of the recorded run was reached
    MOVED = "moved"  # somebody asked to be here


@dataclass(frozen=True, slots=True)
class Halt:
    """`tid` and `rip`: the thread it is about, and where it is. Only what belongs to `why` is set of the rest."""

    why: Why
    moment: Moment
    tid: int
    rip: int
    breakpoint: int = 0  # number
    event: Any = None  # the mark it is held at
    address: int = 0  # watched
    old: bytes | None = None  # None: no page was there
    new: bytes | None = None
    outcome: Stop | None = None  # how the guest ended
