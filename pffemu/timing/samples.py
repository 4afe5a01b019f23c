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

WIDEST: Final = 0.3  # spread of a measure from which on a profile is refused


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure: ns an operation. `spread`: interquartile range over the rounds, as a fraction of `ns`."""

    ns: float
    spread: float = 0.0


@dataclass(slots=True)
class Samples:
    """The rounds' medians of every measure, in ns an operation. `left_out`: reasons by name. `frequency`: Hz."""

    frequency: int = 0
    medians: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, more: Samples) -> None:
        """Take over another measurement's rounds."""
        self.frequency = more.frequency
        for name, values in more.medians.items():
            self.medians.setdefault(name, []).extend(values)
        self.left_out |= more.left_out

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
                ns = statistics.median(map(int, ticks)) * 1e9 / read.frequency
                batches[name] = int(batch)
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
