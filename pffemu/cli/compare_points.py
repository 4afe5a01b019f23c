"""The runs of a comparison: one a mechanism, quota and number of threads, each with its result in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guest.caching.mechanisms import CacheMechanism
from guest.caching.workload import CachedWorkload, CacheSetting
from pffemu.cli import compare_run
from pffemu.cli.compare_draws import with_draws
from pffemu.cli.compare_steps import steps
from pffemu.cli.point_processes import PointFailed, raise_first, read_result, result_key
from pffemu.cli.uncertain import NO_DRAWS, Draws
from pffemu.errors import PffemuError
from pffemu.host_files import replace_file
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_draws import DRAWN, to_json

STEPS = "steps"  # a run's name: what a hit, a fill, an eviction and a write-back cost


@dataclass(frozen=True, slots=True)
class ComparePoint:
    """One run. `quota`: fraction of the file's pages; `quota` and `threads` 0: the mechanism's single steps."""

    mechanism: CacheMechanism
    quota: float
    threads: int
    result: Path

    @property
    def is_steps(self) -> bool:
        return not self.threads

    @property
    def described(self) -> str:
        which = "single steps" if self.is_steps else f"quota {self.quota:g}, threads {self.threads}"
        return f"{self.mechanism.name}, {which}"

    def report(self) -> dict[str, Any] | None:
        """The result of an earlier run; None: there is none, or an incomplete one."""
        return read_result(self.result)

    def keep(self, told: dict[str, Any]) -> None:
        """Write the result, whole or not at all."""
        replace_file(self.result, json.dumps(told).encode())


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared. `setting`: policy, batch, handlers, spare of every run. `words` choose `machine`."""

    name: str  # the workload's
    scale: int
    mechanisms: tuple[CacheMechanism, ...]
    quotas: tuple[float, ...]
    threads: tuple[int, ...]
    setting: CacheSetting
    machine: MachineOptions
    words: tuple[str, ...]
    folder: Path
    draws: Draws = NO_DRAWS

    def points(self) -> list[ComparePoint]:
        """In the order of the table; a mechanism's single steps first."""
        return [point for one in self.mechanisms for point in self._of(one)]

    def _of(self, mechanism: CacheMechanism) -> Iterator[ComparePoint]:
        yield self._point(mechanism, 0.0, 0)
        for quota in self.quotas:
            for threads in self.threads:
                yield self._point(mechanism, quota, threads)

    def _point(self, mechanism: CacheMechanism, quota: float, threads: int) -> ComparePoint:
        which = [self.name, self.scale] if threads else [STEPS]
        key = result_key(
            self.machine.cpu.profile, *which, mechanism.name, quota, threads, list(self.words),
            self.setting.policy.value, self.setting.batch, self.setting.handlers, self.setting.spare,
            self.setting.frames, self.setting.on_disk,
            *([self.draws.count, self.draws.seed] if self.draws.any and threads else []),
        )  # fmt: skip
        what = f"{self.name}-{mechanism.name}-q{quota:g}-t{threads}" if threads else f"{STEPS}-{mechanism.name}"
        return ComparePoint(mechanism, quota, threads, self.folder / f"{what}-{key}.json")

    def setting_of(self, point: ComparePoint, workload: CachedWorkload) -> CacheSetting:
        """The setting of a run of `workload`. Raises UsageError when its quota is too small."""
        quota, threads = workload.quota_of(point.quota), point.threads
        chosen = replace(self.setting, mechanism=point.mechanism, quota=quota, threads=threads)
        chosen.check(workload)
        return chosen

    def check(self, points: Iterable[ComparePoint], workload: CachedWorkload) -> None:
        """Raises UsageError when a quota is too small for one of `points`."""
        for point in points:
            if not point.is_steps:
                self.setting_of(point, workload)


def run_points(comparison: Comparison, workload: CachedWorkload, missing: Sequence[ComparePoint]) -> Iterator[str]:
    """Run the points one after the other; yields the name of each before it is run.

    Raises PointFailed when some have failed, after all others.
    """
    failed = []
    for point in missing:
        yield point.described
        try:
            point.keep(result_of(comparison, workload, point))
        except PffemuError as error:
            failed.append(PointFailed(str(error), where=point.described))
    raise_first(failed)


def result_of(comparison: Comparison, workload: CachedWorkload, point: ComparePoint) -> dict[str, Any]:
    """Run the point. Raises PffemuError."""
    if point.is_steps:
        return steps(replace(comparison.setting, mechanism=point.mechanism), comparison.machine)
    setting, draws = comparison.setting_of(point, workload), comparison.draws
    done = compare_run.run(workload, setting, comparison.machine, clocks=draws.any)
    told = done.to_json(comparison.machine.cpu.profile, point.quota)
    if draws.any:
        told[DRAWN] = to_json(with_draws(draws, done, comparison.machine))
    return told
