"""Why a debugged run stopped, and where, as a value every front-end reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pffemu.debug.moment import Moment
from pffemu.machine.stop import Stop


class Why(Enum):
    """What stopped the run."""

    START = "start"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    WATCHPOINT = "watchpoint"
    EVENT = "event"
    PHASE = "phase"
    INTERRUPTED = "interrupted"
    ENDED = "ended"
    HISTORY = "no more history"  # going back, the start of the recorded run was reached
    MOVED = "moved"  # the user asked for this moment


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop of thread `tid` at `rip`. Of the other fields, only those that belong to `why` are set."""

    why: Why
    moment: Moment
    tid: int
    rip: int
    breakpoint: int = 0  # its number
    event: Any = None  # the event or sub-event step at which the machine is held
    address: int = 0  # the watched one
    old: bytes | None = None  # the watched value before; None: no page was there
    new: bytes | None = None
    outcome: Stop | None = None  # how the guest ended
