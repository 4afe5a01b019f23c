"""The runs of a comparison: one a mechanism, quota and number of threads, each with its result in a file of its own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pffemu
from guest.caching.mechanisms import CacheMechanism
from guest.caching.workload import CachedWorkload, CacheSetting
from pffemu.cli import compare_run
from pffemu.cli.compare_draws import with_draws
from pffemu.cli.compare_steps import steps
from pffemu.cli.point_processes import code_hash
from pffemu.cli.uncertain import NO_DRAWS, Draws
from pffemu.errors import UsageError
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

    def report(self) -> dict[str, Any] | None:
        """The result of an earlier run; None: there is none, or an incomplete one."""
        try:
            told = json.loads(self.result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None


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
        key = [
            pffemu.__version__, code_hash(), self.machine.cpu.profile.digest, *which, mechanism.name, quota, threads,
            list(self.words), self.setting.policy.value, self.setting.batch, self.setting.handlers, self.setting.spare,
            self.setting.frames,
            self.setting.on_disk, *([self.draws.count, self.draws.seed] if self.draws.any and threads else []),
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        what = f"{self.name}-{mechanism.name}-q{quota:g}-t{threads}" if threads else f"{STEPS}-{mechanism.name}"
        return ComparePoint(mechanism, quota, threads, self.folder / f"{what}-{digest}.json")

    def setting_of(self, point: ComparePoint, workload: CachedWorkload) -> CacheSetting:
        """The setting of a run of `workload`. Raises UsageError when its quota is too small."""
        quota = 0 if point.quota == 1 else max(1, int(workload.pages * point.quota))
        chosen = replace(self.setting, mechanism=point.mechanism, quota=quota, threads=point.threads)
        chosen.check(workload)
        return chosen


def run_points(comparison: Comparison, workload: CachedWorkload, missing: Sequence[ComparePoint]) -> Iterator[str]:
    """Run the points one after the other; yields the name of each before it is run."""
    profile = comparison.machine.cpu.profile
    for point in missing:
        yield f"{point.mechanism.name}, quota {point.quota:g}, threads {point.threads}"
        told: dict[str, Any]
        if point.is_steps:
            told = steps(replace(comparison.setting, mechanism=point.mechanism), comparison.machine)
        else:
            setting, draws = comparison.setting_of(point, workload), comparison.draws
            done = compare_run.run(workload, setting, comparison.machine, clocks=draws.any)
            told = done.to_json(profile, point.quota)
            if draws.any:
                told[DRAWN] = to_json(with_draws(draws, done, comparison.machine))
        _write(point.result, told)


def make_folder(folder: Path) -> None:
    """Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder), remedy="another --folder") from error


def _write(path: Path, told: dict[str, Any]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(path)
