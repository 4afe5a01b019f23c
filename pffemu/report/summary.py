"""The summary of one run, as every command reports it, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pffemu.events.faults import KERNEL
from pffemu.report.latency import Latency
from pffemu.report.stages import PARTS, STAGES, StageCosts
from pffemu.timing.catalogue import STALLS


@dataclass(frozen=True, slots=True)
class HostCosts:
    """The run's costs on the host, which vary from run to run."""

    seconds: float
    max_rss_bytes: int  # of the whole process so far


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in one mode. `counts` are exact; all else is virtual cycles by the machine profile.

    `cycles`, `charges` and `waiting` are of the measured part (report.measured)."""

    mode: str
    counts: Mapping[str, int]
    correct: bool | None  # None: the right answer is unknown
    trace_hash: str
    cycles: int  # of the first thread's core
    stages: Mapping[str, StageCosts]  # by path
    host: HostCosts
    charges: Mapping[str, int] = field(default_factory=dict)  # by cost name, all threads
    waiting: int = 0  # the first thread's core had nothing to run
    in_faults: int = 0  # cycles that the first thread spent on its core in its faults
    handler: str = ""  # how a userfaultfd handler thread waits

    @property
    def name(self) -> str:
        """The mode, and the handler where there is a choice."""
        return f"{self.mode} {self.handler}".rstrip()

    @property
    def latency(self) -> dict[str, Latency]:
        """Latencies by path."""
        return {path: Latency.of(costs.latencies) for path, costs in self.stages.items() if costs.latencies}

    @property
    def main_path(self) -> str:
        """The path with the most faults, the kernel's only if there is no other; empty: no faults."""
        return max(self.stages, key=lambda path: (path != KERNEL, self.stages[path].faults), default="")

    @property
    def parts(self) -> dict[str, dict[str, int]]:
        """The parts that PFF-UINTR measured, by path, summed over its faults."""
        return {
            path: {part: sum(costs.cycles.get(stage, 0) for stage in stages) for part, stages in PARTS.items()}
            for path, costs in self.stages.items()
        }

    @property
    def time_split(self) -> dict[str, int]:
        """The first thread's time in the measured part."""
        application = self.cycles - self.in_faults - self.waiting
        return {"application": application, "handling": self.in_faults, "waiting": self.waiting}

    @property
    def stalls(self) -> int:
        """Cycles that all threads waited for memory in the measured part; 0 with flat memory."""
        return sum(self.charges.get(name, 0) for name in STALLS)

    @property
    def cycles_per_fault(self) -> float:
        """Mean from the refused walk to the resumed instruction, on the main path; 0 without faults."""
        return sum(self.stage_per_fault(stage) for stage in STAGES)

    def stage_per_fault(self, stage: str) -> float:
        """The share of one stage in `cycles_per_fault`."""
        costs = self.stages.get(self.main_path)
        return costs.cycles.get(stage, 0) / costs.faults if costs is not None and costs.faults else 0.0


def to_json(
    version: str, command: str, options: Mapping[str, Any], runs: Sequence[RunSummary], *, host_stats: bool
) -> str:
    """The report of a command as JSON. Without `host_stats`, the same command gives the same bytes."""
    return json.dumps(report_of(version, command, options, runs, host_stats=host_stats), indent=2)


def report_of(
    version: str, command: str, options: Mapping[str, Any], runs: Sequence[RunSummary], *, host_stats: bool
) -> dict[str, Any]:
    """The report of a command, as `to_json` writes it."""
    return {
        "version": version,
        "command": command,
        "options": dict(options),
        "runs": [run_to_json(run, host_stats) for run in runs],
    }


def run_to_json(run: RunSummary, host_stats: bool = False) -> dict[str, Any]:
    """An element of `runs`."""
    fields: dict[str, Any] = {"mode": run.mode, **run.counts, "correct": run.correct, "trace_hash": run.trace_hash}
    fields |= {
        "handler": run.handler,
        "cycles": run.cycles,
        "time": run.time_split,
        "latency": {path: latency.to_json() for path, latency in run.latency.items()},
        "parts": run.parts,
        "stages": {path: dict(costs.cycles) for path, costs in run.stages.items()},
        "charges": dict(run.charges),
    }
    if host_stats:
        fields["host"] = {"seconds": round(run.host.seconds, 6), "max_rss_bytes": run.host.max_rss_bytes}
    return fields
