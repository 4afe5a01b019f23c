"""pffemu compare PROGRAM: the user's own program under kernel, uffd and pff."""

from __future__ import annotations

import hashlib
import json as json_text
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import typer

import pffemu
from guest.caching.mechanisms import ALL
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground
from pffemu.cli.bench import TOLD, WRONG_ANSWER
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice
from pffemu.cli.measure import GuestFailed, Recorder
from pffemu.cli.terminal import err_console, out_console, say, write_text
from pffemu.cli.uncertain import NO_DRAWS, Draws, checked
from pffemu.errors import UsageError
from pffemu.events.faults import KERNEL
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.stop import Exited
from pffemu.report.cost_clocks import CostClocks
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine
from pffemu.report.summary import RunSummary, run_to_json
from pffemu.report.table import run_tables
from pffemu.report.uncertainty import TIME, Uncertainty, assess, of_forms, result, with_speedup
from pffemu.report.uncertainty_table import uncertainty_tables

_USUAL: Final = (Mode.KERNEL, Mode.UFFD, Mode.PFF)


class _Digest:
    """A sink of output that keeps its hash."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes, /) -> None:
        self.hash.update(data)


def program_modes(mechanism: str) -> tuple[Mode, ...]:
    """The modes named in `mechanism`, separated by commas; all: kernel, uffd and pff. Raises UsageError."""
    names = [name.strip() for name in mechanism.split(",") if name.strip()]
    known = [mode.value for mode in Mode]
    for name in names:
        if name not in known and name != ALL:
            raise UsageError(
                f"a program of your own cannot be run under {name!r}", where="--mechanism", remedy=", ".join(known)
            )
    return _USUAL if ALL in names or not names else tuple(dict.fromkeys(map(Mode, names)))


def compare_program(
    file: str,
    arguments: Sequence[str],
    modes: Sequence[Mode],
    machine: MachineChoice,
    json: str | None,
    csv: str | None,
    draws: Draws = NO_DRAWS,
) -> None:
    """Run the program in each mode, and put the runs side by side; exit code 1 when output or exit status differ.

    The program's output is not shown. The measured part lies between two gettid() of its first thread, or is the run.
    """
    guest = GuestCommand(file, arguments, machine.environment)
    runs = [_run(guest, replace(machine.options, mode=mode), clocks=draws.any) for mode in modes]
    ended = {mode.value: run.ended for mode, run in zip(modes, runs, strict=True)}
    summaries = [run.summary for run in runs]
    told = _report(guest, machine, summaries, ended)
    drawn = _under_draws(guest, machine.options, runs, draws) if draws.count is not None else None
    out = out_console(to_stderr="-" in (json, csv))
    out.print(file, *run_tables(summaries, out.width), sep="\n", markup=False)
    if drawn is not None:
        out.print(*uncertainty_tables(drawn), sep="\n", markup=False, soft_wrap=True)
        told["uncertainty"] = drawn.to_json()
    if json is not None:
        write_text(json_text.dumps(told, indent=2), json)
    if csv is not None:
        write_text(to_csv(rows(told)).rstrip("\n"), csv)
    if len(summaries) > 1 and not any(_brings_pages_in(summary) for summary in summaries):
        say("hint: no fault was the program's own in any mode; so it cannot gain from one (see docs/userfaultfd.md)")
    if len(set(ended.values())) > 1:
        statuses = ", ".join(f"{mode}: status {status}" for mode, (status, _) in ended.items())
        say(f"error: output or exit status differ between modes ({statuses})\n  try: pffemu run --mode MODE {file}")
        raise typer.Exit(WRONG_ANSWER)


def _brings_pages_in(run: RunSummary) -> bool:
    """Whether faults of its memory were not the kernel's alone."""
    return any(path != KERNEL and costs.faults for path, costs in run.stages.items())


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the program. `ended`: its exit status, and the hash of its output."""

    options: MachineOptions
    summary: RunSummary
    ended: tuple[int, str]
    clocks: CostClocks | None


def _under_draws(guest: GuestCommand, options: MachineOptions, runs: Sequence[_Run], draws: Draws) -> Uncertainty:
    """The times of `runs`, made with clocks, under all draws."""
    assert draws.count is not None
    profile, found = options.cpu.profile, []
    for one in runs:
        assert one.clocks is not None
        linear = of_forms(one.summary, one.clocks, profile, draws.count, draws.seed)

        def again(machine: MachineOptions, quantities: tuple[str, ...] = tuple(linear.quantities)) -> dict[str, float]:
            summary = _run(guest, machine).summary
            return {name: result(summary, name) for name in quantities}

        found.append(checked(draws, linear, one.summary, one.options, again))
    return assess(profile, [with_speedup(found)], draws.count, draws.seed, TIME)


def _run(guest: GuestCommand, options: MachineOptions, *, clocks: bool = False) -> _Run:
    """Raises GuestFailed."""
    progress, output = ProgressLine(err_console, f"{Path(guest.file).name}, {options.mode.value}"), _Digest()
    loaded: Machine = foreground.prepare(
        lambda: load_guest(options, guest, progress, False, output), progress, "loading"
    )
    forms = CostClocks(loaded.cpus) if clocks else None
    with Recorder(loaded, None, () if forms is None else (forms,)) as recorder:
        started = time.perf_counter()
        stop = foreground.run(loaded, progress)
    if not isinstance(stop, Exited):
        raise GuestFailed(options.mode, stop)
    summary = recorder.summary(None, time.perf_counter() - started)
    return _Run(options, summary, (stop.status, output.hash.hexdigest()), forms)


def _report(
    guest: GuestCommand,
    machine: MachineChoice,
    summaries: Sequence[RunSummary],
    ended: dict[str, tuple[int, str]],
) -> dict[str, Any]:
    options = machine.options
    profile = options.cpu.profile
    chosen = {
        "program": guest.file, "arguments": list(guest.arguments), "mechanisms": [run.mode for run in summaries],
        "cpus": options.cpus, "ram": options.ram, "profile": profile.name, "profile_hash": profile.digest,
        **machine.told(*TOLD),
    }  # fmt: skip
    runs = [
        {
            "mechanism": run.mode, "quota": 1.0, "threads": None, **run_to_json(run), "status": ended[run.mode][0],
            "output_sha256": ended[run.mode][1],
        }
        for run in summaries
    ]  # fmt: skip
    return {"version": pffemu.__version__, "command": "compare", "options": chosen, "runs": runs}
