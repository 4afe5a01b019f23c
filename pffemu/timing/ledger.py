"""Ledgers of what was charged to each thread on each core, and the check that they add up to the core's clock.

A ledger holds units by cost name, never single events. Each (core, thread) has one; thread 0 is the idle core, and
thread ENDED all that ended long ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pffemu.timing.catalogue import INSTRUCTIONS
from pffemu.timing.errors import AccountingError
from pffemu.timing.profile import SHIFT, Profile

ENDED: Final = -1
ENDED_THREADS: Final = 1024  # that keep ledgers of their own on a core


@dataclass(slots=True)
class Ledger:
    """One thread on one core. `elapsed`, `instruction_time`: 2^-SHIFT cycles up to its last switch-out."""

    tid: int
    units: dict[str, int] = field(default_factory=dict)
    instruction_time: int = 0
    elapsed: int = 0  # by the core's clock, while the thread was on it

    def charged(self, profile: Profile) -> int:
        """2^-SHIFT cycles: the sum over everything charged, instructions included."""
        rates = profile.rates
        return self.instruction_time + sum(rates[cost] * units for cost, units in self.units.items())

    def add(self, other: Ledger) -> None:
        """Take over what `other` has."""
        for cost, units in other.units.items():
            self.units[cost] = self.units.get(cost, 0) + units
        self.instruction_time += other.instruction_time
        self.elapsed += other.elapsed

    def cycles(self, profile: Profile) -> dict[str, float]:
        """Cycles by cost name, in order of first use; `insn` for guest instructions."""
        costs = {cost: profile.rates[cost] * units / (1 << SHIFT) for cost, units in self.units.items()}
        return {INSTRUCTIONS: self.instruction_time / (1 << SHIFT), **costs}


def check_accounts(profile: Profile, ledgers: Iterable[Ledger], clock: int, core: int) -> None:
    """Raises AccountingError unless every thread's charges are its time on the core, and all together the `clock`.

    `clock`: 2^-SHIFT cycles of the core since reset.
    """
    total = 0
    for ledger in ledgers:
        charged = ledger.charged(profile)
        total += charged
        if charged != ledger.elapsed:
            _complain(f"thread {ledger.tid} on core {core}", charged, ledger.elapsed)
    if total != clock:
        _complain(f"core {core}", total, clock)


def _complain(where: str, charged: int, elapsed: int) -> None:
    raise AccountingError(
        f"{charged / (1 << SHIFT):,.3f} cycles were charged, but {elapsed / (1 << SHIFT):,.3f} passed",
        where=where,
        remedy="report this: a cost was charged past the ledger",
    )
