"""--uncertainty of `pffemu compare`: a run's draws, checked by runs under drawn profiles where forms are not exact."""

from __future__ import annotations

from typing import Final

from pffemu.cli.compare_run import profile_of, run
from pffemu.cli.uncertain import Draws, checked
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_draws import of_cache_run
from pffemu.report.cache_run import CacheRun, percentiles
from pffemu.report.uncertainty import MEDIAN, TIME, RunDraws

_DEAREST: Final = 1_000_000  # as cli.uncertain's; a comparison has many runs


def with_draws(draws: Draws, done: CacheRun, machine: MachineOptions) -> RunDraws:
    """The results of `done`, a run with clocks on `machine`, under all draws."""
    assert draws.count is not None
    linear = of_cache_run(done, profile_of(done.setting, machine.cpu.profile), draws.count, draws.seed)

    def results(drawn: MachineOptions) -> dict[str, float]:
        other = run(done.workload, done.setting, drawn)
        return {TIME: other.summary.cycles, MEDIAN: percentiles(other.latencies)["p50"] or 0}

    return checked(draws, linear, done.summary, machine, results, dearest=_DEAREST)
