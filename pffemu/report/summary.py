"""What one run left behind, as every command reports it, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pffemu.report.stages import STAGES, StageCosts


@dataclass(frozen=True, slots=True)
class HostCosts:
    """What the run took of the host; never the same twice."""

    seconds: float
    max_rss_bytes: int  # of the whole process, so far


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in one mode. `counts` are exact; `cycles` and `stages` are virtual cycles from rough costs."""

    mode: str
    counts: Mapping[str, int]
    correct: bool | None  # None: nobody knows the right answer
    trace_hash: str
    cycles: int  # of the core that is furthest ahead
    stages: Mapping[str, StageCosts]  # by path
    host: HostCosts

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
    if host_stats:
        fields["host"] = {"seconds": round(run.host.seconds, 6), "max_rss_bytes": run.host.max_rss_bytes}
    return fields
