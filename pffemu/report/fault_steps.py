"""One fault as steps, each with the state of the machine: what front-ends let a reader walk through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# names of steps that are no events, beside those of events/phases.py
ACCESS: Final = "access"  # the instruction whose access faults, before it runs
INSTRUCTION: Final = "instruction"  # of a handler, before it runs
RETRY: Final = "retry"  # the access, before it runs again
DONE: Final = "done"  # the access is over
PANES: Final = (
    "code",
    "frame",
    "stack",
    "walk",
    "registers",
    "forwarding",
    "source",
    "directives",
    "queues",
    "regions",
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step. `kind`: a phase's name, or one of the names above; `event`: its name in a trace, empty: not an event.

    `cycles`: virtual, after the refused walk, by the clock of the step's core. `lane`: 0 the faulting thread's, 1 the
    kernel's and the handler thread's. `panes`: by pane, the index of its text in SteppedFault.texts.
    """

    cycles: int
    lane: int
    kind: str
    text: str
    event: str
    thread: int
    core: int
    panes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SteppedFault:
    """One fault under one mechanism. `texts`: HTML of panes, each once.

    `left_out`, `left_out_events`: instructions of all threads, and events, that have no step: too many.
    """

    mode: str
    number: int  # in the run's trace
    path: str  # what resolved it
    address: int
    place: str  # of the access: symbol, FILE:LINE
    lanes: tuple[str, str]  # titles
    steps: tuple[Step, ...]
    texts: tuple[str, ...]
    left_out: int
    left_out_events: int = 0

    @property
    def cycles(self) -> int:
        """Virtual cycles from the refused walk to the resumed instruction."""
        return next((step.cycles for step in reversed(self.steps) if step.event == "resumed"), self.steps[-1].cycles)
