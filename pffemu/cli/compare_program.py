"""pffemu compare PROGRAM: the user's own program under kernel, uffd and pff."""

from __future__ import annotations

import hashlib
import json as json_text
import time
from collections.abc import Sequence
from dataclasses import replace
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
from pffemu.errors import UsageError
from pffemu.events.faults import KERNEL
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.stop import Exited
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine
from pffemu.report.summary import RunSummary, run_to_json
from pffemu.report.table import run_tables

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
) -> None:
    """Run the program in each mode, and put the runs side by side; exit code 1 when output or exit status differ.

    The program's output is not shown. The measured part lies between two gettid() of its first thread, or is the run.
    """
    guest = GuestCommand(file, arguments, machine.environment)
    runs = [_run(guest, replace(machine.options, mode=mode)) for mode in modes]
    ended = {mode.value: end for mode, (_, end) in zip(modes, runs, strict=True)}
    summaries = [summary for summary, _ in runs]
    told = _report(guest, machine, summaries, ended)
    out = out_console(to_stderr="-" in (json, csv))
    out.print(file, *run_tables(summaries, out.width), sep="\n", markup=False)
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


def _run(guest: GuestCommand, options: MachineOptions) -> tuple[RunSummary, tuple[int, str]]:
    """Raises GuestFailed."""
    progress, output = ProgressLine(err_console, f"{Path(guest.file).name}, {options.mode.value}"), _Digest()
    loaded: Machine = foreground.prepare(
        lambda: load_guest(options, guest, progress, False, output), progress, "loading"
    )
    with Recorder(loaded, None) as recorder:
        started = time.perf_counter()
        stop = foreground.run(loaded, progress)
    if not isinstance(stop, Exited):
        raise GuestFailed(options.mode, stop)
    return recorder.summary(None, time.perf_counter() - started), (stop.status, output.hash.hexdigest())


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
