"""What single steps of a mechanism cost: differences between six small runs of one thread, on the same machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.touch import touch
from guest.caching.workload import CacheSetting
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_run import CacheRun

PAGES: Final = 128
_COUNTED: Final = ("kernel_entries", "context_switches", "wakes")


def steps(setting: CacheSetting, machine: MachineOptions) -> dict[str, Any]:
    """Cycles of a hit (beside the access), a fill, an eviction and a write-back, by the clock of the touching thread.

    A thread touches PAGES pages in order, once or twice, with room for all or for half of them: with half, every access
    misses and throws a page out. `machine`: as for compare_run.run.
    """
    every = replace(setting, quota=0, threads=1)
    half = replace(every, quota=PAGES // 2)
    mapped = CacheSetting(chosen_mechanisms("kernel")[0])  # the same accesses, and nothing before them
    access = _per_page(_run(mapped, machine), _run(mapped, machine, 2))
    once, twice = _run(every, machine), _run(every, machine, 2)
    found = _per_page(once, twice)
    fill = once.summary.cycles / PAGES - found
    told: dict[str, Any] = {
        "hit": round(found - access, 1) + 0.0,
        "fill": round(fill, 1),
        "evict": None,
        "write_back": None,
    }
    told["of_a_fill"] = {name: round(once.counts[name] / PAGES, 2) for name in _COUNTED}
    stored = _run(every, machine, write=True)
    clean, dirty = _run(half, machine, 2), _run(half, machine, 2, write=True)
    evictions = 2 * PAGES - half.quota
    evict = (clean.summary.cycles - 2 * once.summary.cycles) / evictions
    evict_dirty = (dirty.summary.cycles - 2 * stored.summary.cycles) / evictions
    told |= {"evict": round(evict, 1), "write_back": round(evict_dirty - evict, 1)}
    told["of_an_eviction"] = {
        name: round((clean.counts[name] - 2 * once.counts[name]) / evictions, 2) for name in _COUNTED
    }
    told["of_a_write_back"] = {
        name: round(
            (dirty.counts[name] - 2 * stored.counts[name] - clean.counts[name] + 2 * once.counts[name]) / evictions, 2
        )
        for name in _COUNTED
    }
    return told


def _per_page(once: CacheRun, twice: CacheRun) -> float:
    """Cycles of touching a page the second time."""
    return (twice.summary.cycles - once.summary.cycles) / PAGES


def _run(setting: CacheSetting, machine: MachineOptions, times: int = 1, *, write: bool = False) -> CacheRun:
    return run(touch("steps", PAGES, times * PAGES, write=write), setting, machine)
