"""pffemu bench ioctl: the cycles of each stage of UFFDIO_ZEROPAGE, COPY and CONTINUE, with and without a sleeper."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any, Final

import typer
from rich.table import Table

import pffemu
from guest.handlers import Handler
from guest.workloads import MOST_PAGES, FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli import options
from pffemu.cli.bench import complain
from pffemu.cli.measure import Measured, Setup, measure
from pffemu.cli.terminal import check_writable, out_console, write_text
from pffemu.report.ioctl_stages import STAGES, IoctlCosts
from pffemu.report.uncertainty import CALL, Uncertainty, assess, of_call
from pffemu.report.uncertainty_table import uncertainty_tables
from pffemu.timing import DEFAULT_PROFILE, SHIFT, Profile, load_profile

# whether a thread sleeps that the ioctl must wake, and on which core
_CASES: Final = {
    "uffd, sleeper on another core": (Mode.UFFD, 2),
    "uffd, sleeper on this core": (Mode.UFFD, 1),
    "pff, no sleeper": (Mode.PFF, 1),
}
_COLUMN: Final = 12
_FILLS: Final[tuple[dict[str, bool], ...]] = ({"copy": False}, {"copy": True}, {"minor": True})
Result = tuple[Measured, str, str, IoctlCosts]  # case, ioctl


def bench_ioctl(
    pages: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Number of calls of each kind, one a page.")] = 256,
    profile: options.MachineProfile = DEFAULT_PROFILE,
    json: options.Json = None,
    uncertainty: options.Uncertainty = None,
    draw_seed: options.DrawSeed = 0,
) -> None:
    """Show the cycles of each stage of UFFDIO_ZEROPAGE, COPY and CONTINUE, with a thread to wake and without.

    Example: pffemu bench ioctl --profile amd-rome
    """
    check_writable(json)
    machine = load_profile(profile)
    results: list[Result] = []
    for fill in _FILLS:
        workload = FaultWorkload(pages, handler=Handler.READ, **fill)
        for case, (mode, cpus) in _CASES.items():
            measured = measure(workload, mode, Setup.of(machine, cpus=cpus, ioctls=True))
            results += [(measured, case, name, costs) for name, costs in measured.ioctls.items()]
    out = out_console(to_stderr=json == "-")
    out.print(f"Cycles of a call, {pages:,} calls each, {machine.name}", markup=False)
    for name in dict.fromkeys(name for _, _, name, _ in results):
        out.print(_table(name, [one for one in results if one[2] == name], machine.rates), markup=False)
    drawn = _drawn(results, machine, uncertainty, draw_seed) if uncertainty is not None else None
    if drawn is not None:
        out.print(*uncertainty_tables(drawn), sep="\n", markup=False, soft_wrap=True)
    if json is not None:
        told = {
            "version": pffemu.__version__,
            "command": "bench ioctl",
            "options": {"pages": pages, "profile": machine.name, "profile_hash": machine.digest},
            "runs": [_run(*result, machine.rates) for result in results],
            **({"uncertainty": drawn.to_json()} if drawn is not None else {}),
        }
        write_text(json_text.dumps(told, indent=2), json)
    complain([measured.summary for measured, _, _, _ in results])


def _drawn(results: list[Result], machine: Profile, draws: int, seed: int) -> Uncertainty:
    """The calls under draws of the costs; the cases of an ioctl are compared with each other."""
    groups = [
        [
            of_call(f"{ioctl}, {case}", measured.summary.mode, costs, machine, draws, seed)
            for measured, case, ioctl, costs in results
            if ioctl == name
        ]
        for name in dict.fromkeys(name for _, _, name, _ in results)
    ]
    return assess(machine, groups, draws, seed, CALL)


def _table(ioctl: str, results: list[Result], rates: Any) -> Table:
    table = Table(header_style="bold")
    table.add_column(ioctl, min_width=max(map(len, STAGES)))
    for _, case, _, _ in results:
        table.add_column(case.replace(", ", "\n").replace(" on ", " on\n"), justify="right", min_width=_COLUMN)
    shown = [costs.cycles(rates) for _, _, _, costs in results]
    for stage in STAGES:
        if any(cycles[stage] for cycles in shown):
            table.add_row(stage, *(f"{cycles[stage]:,}" for cycles in shown))
    table.add_section()
    table.add_row("total", *(f"{_total(costs, rates):,}" for _, _, _, costs in results))
    return table


def _total(costs: IoctlCosts, rates: Any) -> int:
    return (costs.total(rates) // max(1, costs.calls)) >> SHIFT


def _run(measured: Measured, case: str, ioctl: str, costs: IoctlCosts, rates: Any) -> dict[str, Any]:
    summary = measured.summary
    return {
        "case": case, "mode": summary.mode, "ioctl": ioctl,
        "calls": costs.calls, "correct": summary.correct, "trace_hash": summary.trace_hash,
        "stages": costs.cycles(rates), "total": _total(costs, rates),
        "units": {stage: dict(sorted(units.items())) for stage, units in costs.units.items() if units},
    }  # fmt: skip
