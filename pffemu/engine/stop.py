"""Why the engine stopped, as frozen values for the machine's loop."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class StopKind(Enum):
    LIMIT = auto()  # the instruction limit is reached
    INTERRUPTED = auto()  # `interrupt` was called, as for Ctrl-C
    SYSCALL = auto()  # SYSCALL executed; RIP is the next instruction, RCX and R11 are still the guest's
    REFUSED = auto()  # a TLB fill was refused; the fill state has the details; RIP is the faulting instruction
    INVALID = auto()  # Unicorn does not know the opcode at RIP, or must not execute it: see CarefulCode
    EXCEPTION = auto()  # `vector` was raised; RIP as the CPU leaves it
    BREAKPOINT = auto()  # RIP is at a breakpoint, its instruction not run yet
    WATCHED = auto()  # the instruction at RIP touches a watched page; it has not run


class EngineStop(NamedTuple):
    kind: StopKind
    vector: int = 0
    rip: int = 0  # of INVALID, REFUSED, EXCEPTION, BREAKPOINT, WATCHED


LIMIT = EngineStop(StopKind.LIMIT)
INTERRUPTED = EngineStop(StopKind.INTERRUPTED)
SYSCALL = EngineStop(StopKind.SYSCALL)
