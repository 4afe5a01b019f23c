"""The memory hierarchy of a calibrated profile: sizes as the host tells them, latencies from pointer chases."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from pffemu.timing import units
from pffemu.timing.fit import MEASURED_HERE
from pffemu.timing.profile import Entry, Profile, Status
from pffemu.timing.samples import Estimate

CHASE: Final = "chase-"
_KIB: Final = {"K": 1, "M": 1 << 10}
_INSIDE: Final = 2  # a chase through at most half of a cache hits it
_BEYOND: Final = 2  # and one through twice a cache mostly misses it
_SYSFS: Final = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True, slots=True)
class Cache:
    """A data cache. `size`: KiB; `line`: bytes."""

    size: int
    ways: int
    line: int


def host_caches(folder: Path = _SYSFS) -> dict[int, Cache]:
    """The host's data and unified caches by level, as Linux tells them; empty where it does not."""
    found = {}
    for index in sorted(folder.glob("index*")):
        try:
            told = {
                name: (index / name).read_text().strip()
                for name in ("level", "type", "size", "ways_of_associativity", "coherency_line_size")
            }
            size = int(told["size"].removesuffix("K"))
            if told["type"] != "Instruction":
                ways, line = int(told["ways_of_associativity"]), int(told["coherency_line_size"])
                found[int(told["level"])] = Cache(size, ways, line)
        except (OSError, ValueError):
            continue
    return found


def host_hierarchy(base: Profile, estimates: Mapping[str, Estimate], caches: Mapping[int, Cache]) -> dict[str, Entry]:
    """`base`'s hierarchy in ns, with the host's caches and what the chases took; empty when `base` has none."""
    found = {
        name: replace(_in_ns(entry, base.frequency), source=f"{base.name}: {entry.source}", inherited="")
        for name, entry in base.hierarchy.items()
    }
    if not found or not all(level in caches for level in (1, 2, 3)):
        return found
    told = f"{MEASURED_HERE}: sysfs"
    found["line"] = Entry(Fraction(caches[1].line), "bytes", Status.MEASURED, told)
    for level in (1, 2, 3):
        found[f"l{level}.size"] = Entry(Fraction(caches[level].size), "KiB", Status.MEASURED, told)
        found[f"l{level}.ways"] = Entry(Fraction(caches[level].ways), "ways", Status.MEASURED, told)
    chases = {_kib(name): one.ns for name, one in estimates.items() if name.startswith(CHASE)}
    tlb = float(found["stlb.latency"].value)
    walk = tlb + float(found["walk.latency"].value)
    below = 0  # KiB of the level before; the chase in the middle of both is least disturbed by either
    for level in (1, 2, 3):
        sizes = [size for size in chases if below * _BEYOND <= size <= caches[level].size // _INSIDE]
        if sizes:
            middle = math.sqrt(max(below, 1) * caches[level].size)
            size = min(sizes, key=lambda kib: abs(math.log(kib / middle)))
            found[f"l{level}.latency"] = _latency(chases[size] - (tlb if level == 3 else 0), size)
        below = caches[level].size
    sizes = [size for size in chases if size >= below * _BEYOND]
    if sizes:
        found["memory.latency"] = _latency(chases[max(sizes)] - walk - float(found["l2.latency"].value), max(sizes))
    if "line-transfer" in estimates:
        ns = Fraction(f"{max(estimates['line-transfer'].ns, 0.1):.3f}")
        found["transfer.latency"] = Entry(ns, "ns", Status.MEASURED, f"{MEASURED_HERE}: line-transfer")
    return found


def _latency(ns: float, kib: int) -> Entry:
    return Entry(
        Fraction(f"{max(ns, 0.1):.3f}"),
        "ns",
        Status.MEASURED,
        f"{MEASURED_HERE}: a chase through {kib} KiB, less the TLB",
    )


def _in_ns(entry: Entry, frequency: int) -> Entry:
    if entry.unit != "cycles":
        return entry
    ns = float(units.cycles(entry.value, entry.unit, frequency)) * 1e9 / frequency
    return replace(entry, value=Fraction(f"{ns:.3f}"), unit="ns")


def _kib(name: str) -> int:
    """The size of a chase by its name, as in chase-16K."""
    size = re.fullmatch(rf"{CHASE}(\d+)([KM])", name)
    assert size is not None, name
    return int(size[1]) * _KIB[size[2]]
