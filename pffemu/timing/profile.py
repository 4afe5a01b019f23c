"""A machine profile: the value of each cost on one machine, resolved to integers before the guest runs.

Time is kept in 2^-SHIFT cycles, so that costs per byte and instructions below one cycle add up exactly: no rounding on
the way, no floating point, the same sum in every order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from typing import Final

from pffemu.timing import units
from pffemu.timing.catalogue import CATALOGUE, STALLS, WAITS
from pffemu.timing.locking import Locking

SHIFT: Final = 16


class Status(Enum):
    """Where a value comes from."""

    MEASURED = "measured"  # by pffemu timing calibrate, on this very machine
    PUBLISHED = "published"  # as in the source
    DERIVED = "derived"  # by arithmetic from published values
    ASSUMED = "assumed"  # of hardware that no machine has: a design's own choice
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a profile, as in its file. `inherited`: the profile it was taken over from."""

    value: Fraction
    unit: str
    status: Status
    source: str
    inherited: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """How far `costs`, all together, vary from one time to the next: `quantiles` are (share, factor), ascending."""

    costs: tuple[str, ...]
    quantiles: tuple[tuple[float, float], ...]
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine. `rates`: 2^-SHIFT cycles for one unit of each cost, waits included."""

    name: str
    machine: str
    frequency: int  # Hz, of the core and of the time-stamp counter
    entries: Mapping[str, Entry] = field(repr=False)
    rates: Mapping[str, int] = field(repr=False)
    hierarchy: Mapping[str, Entry] = field(default_factory=dict, repr=False)  # timing.hierarchy, by its names
    spreads: tuple[Spread, ...] = field(default=(), repr=False)  # never change a run
    locking: Locking = Locking.LINUX_6_0  # of its kernel, where the machine's options do not say it

    @classmethod
    def of(
        cls,
        name: str,
        machine: str,
        frequency: int,
        entries: Mapping[str, Entry],
        hierarchy: Mapping[str, Entry] | None = None,
        spreads: tuple[Spread, ...] = (),
        locking: Locking = Locking.LINUX_6_0,
    ) -> Profile:
        """A profile with a value for every cost of the catalogue."""
        rates = {cost: 1 << SHIFT for cost in (*WAITS, *STALLS)}
        for cost in CATALOGUE:
            entry = entries[cost]
            exact = units.cycles(entry.value, entry.unit, frequency) * (1 << SHIFT)
            rates[cost] = round(exact)
        return cls(name, machine, frequency, dict(entries), rates, dict(hierarchy or {}), spreads, locking)

    def with_entries(self, entries: Mapping[str, Entry]) -> Profile:
        """The same machine with other costs."""
        priced = Profile.of(self.name, self.machine, self.frequency, entries)
        return replace(self, entries=priced.entries, rates=priced.rates)

    def cycles_of(self, cost: str, amount: int = 1) -> Fraction:
        """The cycles of `amount` units of `cost`."""
        return Fraction(self.rates[cost] * amount, 1 << SHIFT)

    def to_ns(self, cycles: int) -> int:
        return cycles * 10**9 // self.frequency

    def to_cycles(self, ns: int) -> int:
        """The first whole cycle at or after `ns`."""
        return -(-ns * self.frequency // 10**9)

    @property
    def digest(self) -> str:
        """SHA-256 of the frequency and all rates: equal for profiles that give the same times, caches apart."""
        priced = sorted(self.rates.keys() - STALLS.keys())
        locking = f"locking {self.locking.value}\n" if self.locking is not Locking.LINUX_6_0 else ""
        text = f"{self.frequency}\n{locking}" + "".join(f"{cost} {self.rates[cost]}\n" for cost in priced)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def contents(self) -> str:
        """SHA-256 of all that a result may depend on: with the digest, caches, statuses and spreads."""
        entries = sorted((*self.entries.items(), *self.hierarchy.items()))
        told = [f"{name} {one.value} {one.unit} {one.status.value}" for name, one in entries]
        spreads = [f"{one.costs} {one.quantiles}" for one in self.spreads]
        return hashlib.sha256("\n".join((self.digest, *told, *spreads)).encode()).hexdigest()
