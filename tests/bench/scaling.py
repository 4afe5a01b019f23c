"""Whether faults, and calls that change areas, cost the same however many pages, regions, areas and cores there are.

Each row is the cost with many over the cost with few: the median ratio of paired runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from pffemu import Mode
from tests.bench import programs
from tests.bench.programs import NoFigure
from tests.bench.result import Result

_TARGET: Final = 1.2
_PAGES: Final = 2_000  # of a run whose pages are not what varies
_CALLS: Final = 2_000
_REGION_TABLE: Final = 1 << 14
_RAM: Final = 8 << 30


@dataclass(frozen=True, slots=True)
class Shape:
    """Arguments of guests/forwarded.c."""

    pages: int = _PAGES
    threads: int = 1
    regions: int = 1
    areas: int = 1

    def cost(self) -> float:
        """Seconds a fault. Raises NoFigure."""
        cores = max(2, self.threads)
        arguments = (self.pages, self.threads, self.regions, self.areas)
        return programs.timed("forwarded.c", *arguments, cpus=cores, ram=_RAM, uffd_regions=_REGION_TABLE) / self.pages


@dataclass(frozen=True, slots=True)
class Areas:
    """Arguments of guests/areas.c."""

    areas: int

    def cost(self) -> float:
        """Seconds a pair of calls. Raises NoFigure."""
        return programs.timed("areas.c", self.areas, _CALLS, mode=Mode.KERNEL, cpus=1) / _CALLS


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Ratios."""
    few = Shape()
    return [
        _row("cost per fault, 1,000,000 pages to 1,000", Shape(1_000), Shape(1_000_000), 1, say),
        _row("cost per fault, 10,000 regions to 1", few, Shape(regions=10_000), repetitions, say),
        _row("cost per fault, 10,000 areas to 1", few, Shape(areas=10_000), repetitions, say),
        _row("cost per fault, 64 cores to 2", Shape(25_600, 2), Shape(25_600, 64), repetitions, say),
        _row("munmap and mmap amid 65,500 areas to 10", Areas(10), Areas(65_500), repetitions, say),
    ]


def _row(what: str, few: Shape | Areas, many: Shape | Areas, repetitions: int, say: Callable[[str], None]) -> Result:
    least, ratios = 0.0, []
    try:
        for number in range(repetitions):
            say(f"{what}, {number + 1} of {repetitions}")
            least = few.cost()
            ratios.append(many.cost() / least)
    except NoFigure as why:
        return Result(what, None, "x", _TARGET, 1, str(why))
    return Result(what, median(ratios), "x", _TARGET, 1, f"{least * 1e6:.0f} us with few")
