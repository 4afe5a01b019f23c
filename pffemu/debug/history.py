"""Checkpoints of a run: dense enough that any moment is a short replay away, few enough to be kept."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import Final, NamedTuple

from pffemu.debug.moment import Moment
from pffemu.machine.machine import Machine
from pffemu.state import snapshot
from pffemu.state.snapshot import Snapshot

INSTRUCTIONS: Final = 1_000_000  # between two checkpoints, at first
MARKS: Final = 2_000
MOST: Final = 128  # checkpoints; then every other one goes, and the distances double
_SHARE: Final = 0.2  # of the host's time that taking them may cost


class Checkpoint(NamedTuple):
    """A saved state. `changed`: the user changed it here, so a run from an earlier checkpoint would not reach it."""

    moment: Moment
    snapshot: Snapshot
    changed: bool


class History:
    """The checkpoints of a run, by moment; the first one is always kept."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._checkpoints: list[Checkpoint] = []
        self._scale = 1
        self._not_before = 0.0

    @property
    def distance(self) -> int:
        """Instructions between two checkpoints."""
        return INSTRUCTIONS * self._scale

    @property
    def start(self) -> Moment:
        return self._checkpoints[0].moment

    def note(self, here: Moment) -> None:
        """The machine is at `here`, between two instructions: take a checkpoint if one is due."""
        before = self._index(here)
        if before >= 0:
            last = self._checkpoints[before].moment
            near = (
                here.instructions - last.instructions < self.distance and here.marks - last.marks < MARKS * self._scale
            )
            if near or time.monotonic() < self._not_before:
                return
        self.take(here)

    def take(self, here: Moment, *, changed: bool = False) -> None:
        """Take a checkpoint now. `changed`: the user has changed the state, so checkpoints after `here` are dropped."""
        if changed:
            self._checkpoints = [c for c in self._checkpoints if c.moment < here]
        before = self._index(here)
        if before >= 0 and self._checkpoints[before].moment == here:
            return
        began = time.monotonic()
        older = self._checkpoints[before].snapshot if before >= 0 else None
        self._checkpoints.insert(before + 1, Checkpoint(here, snapshot.take(self._machine, older), changed))
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / _SHARE
        if len(self._checkpoints) > MOST:
            kept = [c for i, c in enumerate(self._checkpoints) if c.changed or not i % 2]
            self._scale *= 2 if len(kept) < len(self._checkpoints) else 1
            self._checkpoints = kept

    def latest(self, moment: Moment) -> Checkpoint:
        """The last one at or before `moment`."""
        return self._checkpoints[max(0, self._index(moment))]

    def latest_at(self, instructions: int) -> Checkpoint:
        """The last one before that many instructions had run."""
        earlier = [c for c in self._checkpoints if c.moment.instructions < instructions]
        return earlier[-1] if earlier else self._checkpoints[0]

    def before(self, moment: Moment) -> list[Checkpoint]:
        """Those strictly before `moment`, latest first."""
        return [checkpoint for checkpoint in reversed(self._checkpoints) if checkpoint.moment < moment]

    def _index(self, moment: Moment) -> int:
        return bisect_right(self._checkpoints, moment, key=lambda checkpoint: checkpoint.moment) - 1
