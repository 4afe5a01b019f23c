"""Counts of the measured part of a benchmark (report.measured), and the latencies of its faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pffemu.events.hw import IpiSent
from pffemu.events.kernel import Syscall, SyscallReturned
from pffemu.events.page_cache import DiskRequested, PageReclaimed
from pffemu.events.userfaultfd import PageEvicted, PageSynced
from pffemu.report.measured import MAIN, MARK
from pffemu.report.stages import StageCollector

IPIS: Final = "ipis"
RECLAIMED: Final = "pages_reclaimed"  # by the kernel, of files
WRITTEN: Final = "pages_written"  # to the disk
EVICTED: Final = "pages_evicted"  # by the kernel, of memory that a userfaultfd or exmap fills
WRITTEN_BACK: Final = "pages_written_back"  # to where these come from: evicted dirty, or synced


class MeasuredCounts:
    """Sink. Without both marks, the part is the whole run. `counts`: of the machine so far."""

    def __init__(self, counts: Callable[[], Mapping[str, int]], stages: StageCollector) -> None:
        """`stages` has been called with each event before."""
        self._counts, self._stages = counts, stages
        self._seen = dict.fromkeys((IPIS, RECLAIMED, WRITTEN, EVICTED, WRITTEN_BACK), 0)
        self._marks: list[tuple[dict[str, int], dict[str, int]]] = []

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind is IpiSent:
            self._seen[IPIS] += 1
        elif kind is PageReclaimed:
            self._seen[RECLAIMED] += 1
        elif kind is PageEvicted:
            self._seen[EVICTED] += 1
            self._seen[WRITTEN_BACK] += event.dirty
        elif kind is PageSynced:
            self._seen[WRITTEN_BACK] += 1
        elif kind is DiskRequested:
            self._seen[WRITTEN] += event.pages if event.what == "write" else 0
        elif kind is (Syscall if self._marks else SyscallReturned) and len(self._marks) < 2 and _is_mark(event):
            self._marks.append(self._now())

    def counts(self) -> dict[str, int]:
        """What the machine counted in the part, the IPIs that its cores sent, pages thrown out and written."""
        (before, _), (after, _) = self._ends()
        return {name: after[name] - before.get(name, 0) for name in after}

    def latencies(self) -> dict[str, list[int]]:
        """By path, in cycles: faults that ended in the part."""
        (_, before), (_, after) = self._ends()
        costs = self._stages.costs()
        found = {path: list(costs[path].latencies[before.get(path, 0) : after[path]]) for path in after}
        return {path: cycles for path, cycles in found.items() if cycles}

    def _now(self) -> tuple[dict[str, int], dict[str, int]]:
        return {**self._counts(), **self._seen}, self._stages.ended()

    def _ends(self) -> tuple[tuple[dict[str, int], dict[str, int]], tuple[dict[str, int], dict[str, int]]]:
        return (self._marks[0], self._marks[1]) if len(self._marks) == 2 else (({}, {}), self._now())


def _is_mark(event: Any) -> bool:
    return bool(event.name == MARK and event.tid == MAIN)
