"""--uncertainty and --scatter: results under draws of what the machine might cost, and latencies that vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from guest.workloads import FaultWorkload, Workload
from kernel_model.mechanisms import Mode
from pffemu.cli.measure import Measured, Setup, measure
from pffemu.machine.options import MachineOptions
from pffemu.report.latency import Latency
from pffemu.report.scatter import scattered
from pffemu.report.summary import RunSummary
from pffemu.report.uncertainty import MEAN, TIME, RunDraws, Uncertainty, assess, of_forms, of_runs, result, with_speedup
from pffemu.timing.uncertainty import draw, drawn

_CHECKED: Final = 2  # draws whose profiles are run, too, where the forms may not be exact
_OFF: Final = 2.0  # %: from there on all draws are run
_DEAREST: Final = 30_000_000  # work that all draws of a run may take together (see _work); beyond, the forms have to do
_FAULT: Final = 10  # what a fault costs the host, in units of _WORK_OF instructions
_WORK_OF: Final = 1000


@dataclass(frozen=True, slots=True)
class Draws:
    """What is drawn: `count` profiles (None: none), and with `scatter` each fault. The same for the same `seed`."""

    count: int | None = None
    seed: int = 0
    scatter: bool = False

    @property
    def any(self) -> bool:
        return self.count is not None or self.scatter


NO_DRAWS: Final = Draws()
Runs = Sequence[tuple[Workload, Mode, Measured]]  # measured with Setup.clocks


def with_scatter(draws: Draws, runs: Runs, setup: Setup) -> dict[str, Latency]:
    """By the runs' names: the latencies of their main paths when each fault's costs vary."""
    found = {}
    for _, _, measured in runs:
        assert measured.clocks is not None
        latency = scattered(measured.clocks, measured.summary.main_path, setup.profile, draws.seed)
        if latency is not None:
            found[measured.summary.name] = latency
    return found


def with_draws(draws: Draws, runs: Runs, setup: Setup) -> Uncertainty:
    """The results of `runs` under all draws; some of the drawn profiles are run."""
    assert draws.count is not None
    drawn_runs = [_drawn(draws, workload, mode, measured, setup) for workload, mode, measured in runs]
    quantity = MEAN if isinstance(runs[0][0], FaultWorkload) else TIME
    return assess(setup.profile, [with_speedup(drawn_runs)], draws.count, draws.seed, quantity)


def _drawn(draws: Draws, workload: Workload, mode: Mode, measured: Measured, setup: Setup) -> RunDraws:
    assert measured.clocks is not None
    assert draws.count is not None
    linear = of_forms(measured.summary, measured.clocks, setup.profile, draws.count, draws.seed)

    def run(machine: MachineOptions) -> dict[str, float]:
        summary = measure(workload, mode, replace(setup, machine=machine, clocks=False, trace=None)).summary
        return {name: result(summary, name) for name in linear.quantities}

    return checked(draws, linear, measured.summary, setup.machine, run)


def checked(
    draws: Draws,
    linear: RunDraws,
    summary: RunSummary,
    machine: MachineOptions,
    run: Callable[[MachineOptions], Mapping[str, float]],
    *,
    dearest: int = _DEAREST,
) -> RunDraws:
    """`linear`, compared with runs under drawn profiles where it may not be exact; runs of all of them where it is off.

    `run`: results by quantity on a machine like `machine`. `summary`: the run that `linear` is of. `dearest`: work, as
    of _work, that all draws may take; where it is more, the forms are kept, and say by how much they are off.
    """
    assert draws.count is not None
    if linear.method == "exact" and not summary.counts["wakes"]:
        return linear
    profile = machine.cpu.profile

    def result_of(number: int) -> Mapping[str, float]:
        cpu = replace(machine.cpu, profile=drawn(profile, draw(profile, number, draws.seed)))
        return run(replace(machine, cpu=cpu))

    found = [result_of(number) for number in range(min(_CHECKED, draws.count))]
    off = max(_off(linear, results, number) for number, results in enumerate(found))
    if off <= _OFF or _work(summary) * draws.count > dearest:
        return replace(linear, method="linear", off=off)
    found += [result_of(number) for number in range(len(found), draws.count)]
    return replace(of_runs(linear, found), off=off)


def _off(linear: RunDraws, results: Mapping[str, float], number: int) -> float:
    """%: how far the forms are from the results of draw `number`."""
    names = [name for name in (MEAN, TIME) if name in linear.quantities]
    return max(abs(100 * (float(linear.quantities[name].draws[number]) / results[name] - 1)) for name in names)


def _work(summary: RunSummary) -> float:
    """What the run costs the host, in thousands of instructions: the same on every host."""
    return summary.counts["instructions"] / _WORK_OF + _FAULT * summary.counts["faults"]
