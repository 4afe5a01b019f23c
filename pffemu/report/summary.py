"""What one run left behind, as every command reports it, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pffemu.report.latency import Latency
from pffemu.report.stages import PARTS, STAGES, StageCosts


@dataclass(frozen=True, slots=True)
class HostCosts:
    """What the run took of the host; never the same twice."""

    seconds: float
    max_rss_bytes: int  # of the whole process, so far


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in one mode. `counts` are exact; all else is virtual cycles by the machine profile.

    `cycles`, `charges` and `waiting` are of the measured part (report.measured)."""

    mode: str
    counts: Mapping[str, int]
    correct: bool | None  # None: nobody knows the right answer
    trace_hash: str
    cycles: int  # of the first thread's core
    stages: Mapping[str, StageCosts]  # by path
    host: HostCosts
    charges: Mapping[str, int] = field(default_factory=dict)  # by cost name, all threads
    waiting: int = 0  # the first thread's core had nothing to run
    in_faults: int = 0  # the first thread was on its core for the sake of its faults
    handler: str = ""  # how a userfaultfd handler thread waits

    @property
    def name(self) -> str:
        """Mode, and handler where there is a choice."""
        return f"{self.mode} {self.handler}".rstrip()

    @property
    def latency(self) -> Latency | None:
        """Of every fault, whatever its path; None without faults."""
        cycles = [one for costs in self.stages.values() for one in costs.latencies]
        return Latency.of(cycles) if cycles else None

    @property
    def parts(self) -> dict[str, int]:
        """Where PFF-UINTR measured, summed over all faults."""
        sums = {part: 0 for part in PARTS}
        for costs in self.stages.values():
            for part, stages in PARTS.items():
                sums[part] += sum(costs.cycles.get(stage, 0) for stage in stages)
        return sums

    @property
    def time_split(self) -> dict[str, int]:
        """The first thread's time in the measured part."""
        application = self.cycles - self.in_faults - self.waiting
        return {"application": application, "handling": self.in_faults, "waiting": self.waiting}

    @property
    def cycles_per_fault(self) -> float:
        """Mean from the refused walk to the resumed instruction, over all paths; 0 without faults."""
        return sum(self.stage_per_fault(stage) for stage in STAGES)

    def stage_per_fault(self, stage: str) -> float:
        """What one stage adds to `cycles_per_fault`."""
        faults = sum(costs.faults for costs in self.stages.values())
        return sum(costs.cycles.get(stage, 0) for costs in self.stages.values()) / faults if faults else 0.0


def to_json(
    version: str, command: str, options: Mapping[str, Any], runs: Sequence[RunSummary], *, host_stats: bool
) -> str:
    """The report of a command. Without `host_stats`, the same command gives the same bytes."""
    return json.dumps(
        {
            "version": version,
            "command": command,
            "options": dict(options),
            "runs": [_run(run, host_stats) for run in runs],
        },
        indent=2,
    )


def _run(run: RunSummary, host_stats: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"mode": run.mode, **run.counts, "correct": run.correct, "trace_hash": run.trace_hash}
    latency = run.latency
    fields |= {
        "handler": run.handler,
        "cycles": run.cycles,
        "time": run.time_split,
        "latency": latency.to_json() if latency is not None else None,
        "parts": run.parts,
        "stages": {path: dict(costs.cycles) for path, costs in run.stages.items()},
        "charges": dict(run.charges),
    }
    if host_stats:
        fields["host"] = {"seconds": round(run.host.seconds, 6), "max_rss_bytes": run.host.max_rss_bytes}
    return fields
