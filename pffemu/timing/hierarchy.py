"""The memory hierarchy of a machine profile: geometry and latencies of caches, TLBs and memory (`[memory]`).

A latency counts from the load's address to its value. Times are resolved to 2^-SHIFT cycles, sizes to entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pffemu.timing import units
from pffemu.timing.errors import ProfileError
from pffemu.timing.profile import SHIFT, Entry, Profile

_SIZES: Final = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20}
_TIMES: Final = units.units_for("")
_LARGEST_CACHE: Final = 1 << 30

# name -> what it is, and the units that it may have
FIELDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "line": ("bytes of a cache line, in all levels", tuple(_SIZES)),
    "page": ("bytes that an entry of a TLB translates", tuple(_SIZES)),
    "l1.size": ("first-level data cache", tuple(_SIZES)),
    "l1.ways": ("its ways", ("ways",)),
    "l1.latency": ("a load that hits it", _TIMES),
    "l2.size": ("second-level cache of a core", tuple(_SIZES)),
    "l2.ways": ("its ways", ("ways",)),
    "l2.latency": ("a load that hits it", _TIMES),
    "l3.size": ("third-level cache, which all cores share", tuple(_SIZES)),
    "l3.ways": ("its ways", ("ways",)),
    "l3.latency": ("a load that hits it", _TIMES),
    "memory.latency": ("a load of a line that no cache has", _TIMES),
    "memory.gap": ("between two lines that a core takes from memory, at its full bandwidth", _TIMES),
    "transfer.latency": ("a line that another core holds for itself, or its other copies made invalid", _TIMES),
    "dtlb.entries": ("first-level data TLB", ("entries",)),
    "dtlb.ways": ("its ways", ("ways",)),
    "stlb.entries": ("second-level TLB", ("entries",)),
    "stlb.ways": ("its ways", ("ways",)),
    "stlb.latency": ("a translation found there", _TIMES),
    "walk.latency": ("a page walk, besides its loads", _TIMES),
    "walk.directories": ("page-directory entries in the paging-structure caches", ("entries",)),
    "walk.walkers": ("page walks at a time", ("walks",)),
    "window.instructions": ("instructions that a core executes behind the oldest one that waits", ("instructions",)),
    "window.misses": ("misses of the first level at a time", ("misses",)),
    "window.exposed": ("share of a wait before a mispredicted branch, beyond l3.latency, that counts", ("share",)),
    "prefetch.lines": ("lines that the prefetcher runs ahead of a stream, 0: none", ("lines",)),
    "prefetch.pair": ("lines of a pair that come along with one that misses the second level, 0 or 1", ("lines",)),
    "kernel.lines": ("cache lines that a kernel entry touches besides pages", ("lines",)),
}


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The hierarchy in integers. Times in 2^-SHIFT cycles; `sets` by ways are lines or entries."""

    line_shift: int
    page_shift: int
    l1: tuple[int, int]  # sets, ways
    l2: tuple[int, int]
    l3: tuple[int, int]
    dtlb: tuple[int, int]
    stlb: tuple[int, int]
    directories: int
    walkers: int
    l1_latency: int
    l2_latency: int
    l3_latency: int
    memory_latency: int
    memory_gap: int
    transfer_latency: int
    stlb_latency: int
    walk_latency: int
    window: int  # instructions
    misses: int
    exposed: int  # of 1 << SHIFT
    prefetch: int
    pair: int
    kernel_lines: int

    @classmethod
    def of(cls, profile: Profile) -> Hierarchy:
        """Raises ProfileError where a field is missing, or values do not fit each other."""
        entries, where = profile.hierarchy, f"{profile.name}: memory"
        missing = [name for name in FIELDS if name not in entries]
        if missing:
            raise ProfileError(f"no value for {missing[0]}", where=where, remedy="give it one, or a base that has it")

        def time(name: str) -> int:
            entry = entries[name]
            return round(units.cycles(entry.value, entry.unit, profile.frequency) * (1 << SHIFT))

        def cache(name: str) -> tuple[int, int]:
            size = _size(entries, f"{name}.size", where)
            if size > _LARGEST_CACHE:
                raise ProfileError(f"{size} bytes", where=f"{where}: {name}.size", remedy="at most 1024 MiB")
            return _sets(size // line, _count(entries, f"{name}.ways", where), f"{where}: {name}")

        def tlb(name: str) -> tuple[int, int]:
            ways = _count(entries, f"{name}.ways", where)
            return _sets(_count(entries, f"{name}.entries", where), ways, f"{where}: {name}")

        line, page = _size(entries, "line", where), _size(entries, "page", where)
        for name, size, least in (("line", line, 16), ("page", page, 4096)):
            if size & (size - 1) or not least <= size <= 1 << 30:
                raise ProfileError(f"{size} bytes", where=f"{where}: {name}", remedy="use a power of two")
        l1, l2, dtlb, stlb = cache("l1"), cache("l2"), tlb("dtlb"), tlb("stlb")
        for name, (sets, _) in (("l1", l1), ("l2", l2), ("dtlb", dtlb), ("stlb", stlb)):
            if sets & (sets - 1):
                raise ProfileError(f"{sets} sets", where=f"{where}: {name}", remedy="make it a power of two")
        exposed = entries["window.exposed"].value
        if exposed > 1:
            raise ProfileError("more than the whole", where=f"{where}: window.exposed", remedy="a number from 0 to 1")
        return cls(
            line.bit_length() - 1, page.bit_length() - 1, l1, l2, cache("l3"), dtlb, stlb,
            _count(entries, "walk.directories", where), _count(entries, "walk.walkers", where),
            time("l1.latency"), time("l2.latency"), time("l3.latency"), time("memory.latency"), time("memory.gap"),
            time("transfer.latency"), time("stlb.latency"), time("walk.latency"),
            _count(entries, "window.instructions", where), _count(entries, "window.misses", where, most=64),
            round(exposed * (1 << SHIFT)), _count(entries, "prefetch.lines", where, least=0, most=63),
            _count(entries, "prefetch.pair", where, least=0, most=1),
            _count(entries, "kernel.lines", where, least=0, most=4096),
        )  # fmt: skip


def _size(entries: Mapping[str, Entry], name: str, where: str) -> int:
    return _whole(entries[name].value * _SIZES[entries[name].unit], f"{where}: {name}", 1, 1 << 40)


def _count(entries: Mapping[str, Entry], name: str, where: str, *, least: int = 1, most: int = 1 << 20) -> int:
    return _whole(entries[name].value, f"{where}: {name}", least, most)


def _whole(value: Fraction, where: str, least: int, most: int) -> int:
    if value.denominator != 1 or not least <= value <= most:
        raise ProfileError(
            f"{float(value):g} is not possible", where=where, remedy=f"a whole number, {least} to {most}"
        )
    return int(value)


def _sets(entries: int, ways: int, where: str) -> tuple[int, int]:
    if entries % ways or not entries or ways > 64:
        raise ProfileError(f"{entries} entries in {ways} ways", where=where, remedy="whole sets of at most 64 ways")
    return entries // ways, ways
