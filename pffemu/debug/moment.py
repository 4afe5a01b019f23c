"""Moments of a run, as values: the same moment of the same guest is always the same state."""

from __future__ import annotations

from typing import NamedTuple


class Moment(NamedTuple):
    """A moment; an earlier one is smaller. `marks` counts events and sub-event steps (events/details.py).

    Not `held`: between two instructions, with the turn of the next thread begun. `held`: inside an instruction, a
    system call or a fault, right after mark number `marks` was made.
    """

    turn: int
    instructions: int  # on all cores
    marks: int
    held: bool = False

    def __str__(self) -> str:
        inside = ", inside a step" if self.held else ""
        return f"instruction {self.instructions}, mark {self.marks}{inside}"
