"""What a calibration program measured: its output read, and one robust estimate for each measure.

Disturbances (other work, interrupts, a hypervisor) only ever add time. Within a round the median drops single disturbed
operations; over the rounds the lower quartile drops rounds in which the host was busy with something else.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pffemu.timing.errors import CalibrationError

SHARES: Final = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)  # whose quantiles a spread keeps
WIDEST: Final = 0.3  # spread of a measure from which on a profile is refused


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure: ns an operation. `spread`: interquartile range over the rounds, as a fraction of `ns`."""

    ns: float
    spread: float = 0.0


@dataclass(slots=True)
class Samples:
    """The rounds' medians of every measure, in ns an operation. `left_out`: reasons by name. `frequency`: Hz.

    `all`: every sample of the measures whose operations were timed one by one.
    """

    frequency: int = 0
    medians: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    all: dict[str, list[float]] = field(default_factory=dict)

    def add(self, more: Samples) -> None:
        """Take over another measurement's rounds."""
        self.frequency = more.frequency
        for name, values in more.medians.items():
            self.medians.setdefault(name, []).extend(values)
        for name, values in more.all.items():
            self.all.setdefault(name, []).extend(values)
        self.left_out |= more.left_out

    def leave_out(self, name: str, why: str) -> None:
        """Forget a measure."""
        del self.medians[name]
        self.left_out[name] = why

    def beyond_median(self, name: str) -> dict[float, float]:
        """By share: how many ns the samples' quantiles lie above the median (below: negative)."""
        ordered = sorted(self.all.get(name, ()))
        if not ordered:
            return {}
        middle = ordered[(len(ordered) - 1) // 2]
        return {share: ordered[int(share * (len(ordered) - 1))] - middle for share in SHARES}

    def estimates(self) -> dict[str, Estimate]:
        """Each measure less the time that reading the clock takes."""
        clock = min(self.medians.get("clock", [0.0]))
        return {name: _estimate(values, 0.0 if name == "clock" else clock) for name, values in self.medians.items()}


def read_samples(lines: Iterable[str]) -> Samples:
    """Raises CalibrationError when a line is not one that guest/calibrate writes."""
    read = Samples()
    batches: dict[str, int] = {}
    for line in lines:
        match line.split():
            case ["tsc", hertz] if hertz.isdecimal():
                read.frequency = int(hertz)
            case ["sample", name, batch, *ticks] if ticks and read.frequency > 0:
                times = [int(one) * 1e9 / read.frequency for one in ticks]
                ns = statistics.median(times)
                batches[name] = int(batch)
                if batch == "1":
                    read.all.setdefault(name, []).extend(times)
                read.medians.setdefault(name, []).append(ns)
            case ["left-out", name, *why]:
                read.left_out[name] = " ".join(why)
            case _:
                raise CalibrationError(f"the calibration program wrote {line[:60]!r}", remedy="report this")
    clock = min(read.medians.get("clock", [0.0]))
    for name, values in read.medians.items():
        if batches[name] > 1:  # the clock is read once a batch
            read.medians[name] = [(value - clock) / batches[name] + clock for value in values]
    return read


def too_wide(estimates: Mapping[str, Estimate]) -> list[str]:
    """The measures that differ too much between rounds to be believed."""
    return [name for name, one in estimates.items() if one.spread > WIDEST or one.ns < 0]


def _estimate(values: list[float], clock: float) -> Estimate:
    ordered = sorted(values)
    low = ordered[(len(ordered) - 1) // 4]
    high = ordered[3 * (len(ordered) - 1) // 4]
    ns = low - clock
    return Estimate(ns, (high - low) / ns if ns > 0 else 0.0)
