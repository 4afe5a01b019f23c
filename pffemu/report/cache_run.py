"""A run of a workload on the cache library, and what a comparison tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from guest.caching.workload import CachedWorkload, CacheSetting
from pffemu.report.cost_clocks import CostClocks
from pffemu.report.measured_counts import EVICTED, IPIS, RECLAIMED, WRITTEN, WRITTEN_BACK
from pffemu.report.summary import RunSummary, run_to_json
from pffemu.timing import SHIFT, Profile

_FLUSH: Final = "cpu.tlb_flush"
_SHOOTDOWN: Final = "kernel.tlb.shootdown"
PERCENTILES: Final = {"p50": 500, "p99": 990, "p99.9": 999}  # in thousandths


@dataclass(frozen=True, slots=True)
class CacheRun:
    """What a run did. `counts`, `cache` and `latencies` (cycles of each miss) are of the measured part.

    `total`: as `cache`, after all pages have left. `clocks`: times as linear forms of the costs, where asked for."""

    workload: CachedWorkload
    setting: CacheSetting
    summary: RunSummary
    counts: dict[str, int]
    cache: dict[str, int]
    total: dict[str, int]
    latencies: list[int]
    clocks: CostClocks | None = None

    def to_json(self, profile: Profile, quota: float) -> dict[str, Any]:
        """An element of `runs`: the keys of `bench`, and those of a comparison. `quota`: fraction of the pages."""
        seconds = self.summary.cycles / profile.frequency
        busy = sum(self.summary.charges.values())
        shootdowns = self._units(_SHOOTDOWN, profile)
        rate = self.workload.operations / seconds if seconds else 0.0
        return {
            "mechanism": self.setting.mechanism.name,
            "quota": quota,
            "threads": self.setting.threads,
            **run_to_json(self.summary),
            "quota_pages": self.setting.quota or self.workload.pages,
            "cores": self.setting.cores,
            "operations": self.workload.operations,
            "operations_per_second": round(rate, 3),
            "operations_per_core_second": round(rate / self.setting.cores, 3),
            "core_seconds": round(busy / profile.frequency, 9),
            "misses": {"count": len(self.latencies), **percentiles(self.latencies)},
            "measured": {
                **self.counts, IPIS: self.counts[IPIS] + shootdowns, "tlb_flushes": self._units(_FLUSH, profile)
            },
            "cache": self.cache | (self._kernels() if self.setting.mechanism.by_kernel else {}),
        }  # fmt: skip

    def _kernels(self) -> dict[str, int]:
        """What the kernel's page cache, or its policy, did in the place of the library."""
        of_files = self.setting.mechanism.name == "kernel"
        evicted, written = (RECLAIMED, WRITTEN) if of_files else (EVICTED, WRITTEN_BACK)
        return {"evictions": self.counts[evicted], "writebacks": self.counts[written]}

    def _units(self, cost: str, profile: Profile) -> int:
        """How often a cost per core was charged in the measured part."""
        each = profile.rates[cost]
        return round((self.summary.charges.get(cost, 0) << SHIFT) / each) if each else 0


def percentiles(cycles: Sequence[int]) -> dict[str, int | None]:
    """The lowest latency with at least this share of all at or below it; None without latencies."""
    ordered = sorted(cycles)
    return {
        name: ordered[max(0, -(-len(ordered) * share // 1000) - 1)] if ordered else None
        for name, share in PERCENTILES.items()
    }
