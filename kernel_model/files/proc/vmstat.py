"""/proc/vmstat and zoneinfo (mm/vmstat.c): one node with one zone, which is all of RAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi import vmstat as names
from kernel_model.files.proc.memory import counters

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller


_ZONE, _NODE = names.ZONE.split(), names.NODE.split()


def vmstat(call: Caller) -> str:
    values = counters(call)
    return "".join(f"{name} {values.get(name, 0)}\n" for name in (*_ZONE, *_NODE, *names.OTHER.split()))


def zoneinfo(call: Caller) -> str:
    values, pages = counters(call), call.kernel.frames.total
    lines = ["Node 0, zone   Normal", "  per-node stats"]
    lines += [f"      {name:<12} {values.get(name, 0)}" for name in _NODE]
    lines.append(f"  pages free     {values['nr_free_pages']}")
    lines += [f"        {name:<8} 0" for name in ("boost", "min", "low", "high", "promo")]
    lines += [f"        {name:<8} {pages}" for name in ("spanned", "present", "managed")]
    lines += ["        cma      0", "        protection: (0, 0, 0, 0, 0)"]
    lines += [f"      {name:<12} {values.get(name, 0)}" for name in _ZONE]
    lines.append("  pagesets")
    for core in range(call.kernel.scheduler.cores):
        lines += [f"    cpu: {core}", *(f"              {name:<9} 0" for name in ("count:", "high:", "batch:"))]
        lines += ["              high_min: 0", "              high_max: 0", "  vm stats threshold: 0"]
    lines += ["  node_unreclaimable:  0", "  start_pfn:           0"]
    return "\n".join(lines) + "\n"
