"""Steps of source lines, made of steps of instructions, as debuggers of C programs make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pffemu.debug import stepping
from pffemu.debug.halt import Halt, Why
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.errors import UsageError

_MOST: Final = 100_000  # instructions of one line


def step_line(session: Session, places: Places, *, over: bool, interrupted: Callable[[], bool]) -> Halt:
    """To the start of the next source line that the thread executes; `over`: calls are run to their return.

    A function without line information is run to its return in any case. Other halts end the step, and so does a line
    of _MOST instructions. Raises UsageError where the program has no line.
    """
    before = places.line_at(_rip(session))
    if before is None:
        raise UsageError("no source line here", remedy="build the program with -g, or use `step` and `next`")
    halt = session.halt
    for _ in range(_MOST):
        instruction = None if over else stepping.instruction_at(session)
        halt = session.step_over() if over else session.step()
        if halt.why is not Why.STEP or interrupted():
            return halt
        line = places.line_at(_rip(session))
        if line is None and instruction is not None and instruction.mnemonic == "call":
            halt = session.finish()
            if halt.why is not Why.STEP:
                return halt
            line = places.line_at(_rip(session))
        if line is not None and line != before and places.begins_line(_rip(session)):
            return halt
    return halt


def reverse_step_line(session: Session, places: Places, *, over: bool, interrupted: Callable[[], bool]) -> Halt:
    """Back to the start of the source line, or from there to the start of the line before it; what `step_line` undoes.

    `over`: back over calls. In a function without line information, back to its call. Raises UsageError as `step_line`.
    """
    if places.line_at(_rip(session)) is None:
        raise UsageError("no source line here", remedy="build the program with -g, or use `reverse-step`")
    halt = session.halt
    for _ in range(_MOST):
        halt = session.reverse_step_over() if over else session.reverse_step()
        if halt.why is Why.STEP and places.line_at(_rip(session)) is None:
            halt = session.reverse_finish()
        if halt.why is not Why.STEP or interrupted():
            return halt
        line = places.line_at(_rip(session))
        if line is not None and line != places.line_at(_rip(session) - 1):
            return halt
    return halt


def _rip(session: Session) -> int:
    return session.register(session.tid, "rip")
