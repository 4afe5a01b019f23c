"""pffemu run: runs one guest and exits with its status."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import pffemu
from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import check_writable, err_console, say, write_text
from pffemu.errors import UsageError
from pffemu.machine.options import MachineOptions
from pffemu.machine.stop import Exited, Stop
from pffemu.report.progress import ProgressLine


@chooses_machine
def run(
    file: options.GuestFile,
    arguments: options.GuestArguments = None,
    *,
    machine: MachineChoice,
    budget: options.Budget = None,
    gdb: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Wait for a gdb on this loopback port.")
    ] = None,
    trace: options.Trace = None,
    json: options.Json = None,
    host_stats: options.HostStats = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="Let this process do on the host only what the guest needs (Landlock, seccomp)."
        ),
    ] = False,
) -> None:
    """Run a guest program; its standard input, output and exit status are passed through.

    The exit code is 128 + signal when a signal kills the guest, 124 for a used-up budget, 125 for a deadlock.

    Options go before FILE; what follows it is the guest's. With --json - the guest's output goes to standard error.

    Example: pffemu run --mode uffd --trace trace.jsonl prog.s first second
    """
    check_writable(json)
    if gdb is not None and sandbox:
        raise UsageError("--sandbox leaves no network, which --gdb needs", remedy="leave one of them out")
    if gdb is not None and (budget is not None or trace is not None or json is not None):
        raise UsageError("--gdb goes with neither --budget, --trace nor --json", remedy="leave one of them out")
    progress = ProgressLine(err_console, Path(file).name)
    if sandbox:
        _enter_sandbox(machine.options, file, (json, trace))
    guest = GuestCommand(file, arguments or [], machine.environment)
    loaded = foreground.prepare(lambda: load_guest(machine.options, guest, progress, json == "-"), progress, "loading")
    if gdb is not None:
        from pffemu.cli.gdb import run_under_gdb

        raise typer.Exit(run_under_gdb(loaded, Path(file), gdb))
    foreground.show_warnings(loaded.events)
    if trace is None and json is None:
        _finish(foreground.run(loaded, progress, budget))
    from pffemu.cli.measure import Recorder  # imported here: most runs do not need it

    with Recorder(loaded, trace) as recorder:
        started = time.perf_counter()
        stop = foreground.run(loaded, progress, budget)
    summary = recorder.summary(None, time.perf_counter() - started)
    if json is not None:
        _write_summary(json, machine.options, guest, budget, summary, host_stats)
    _finish(stop)


def _enter_sandbox(machine: MachineOptions, file: str, outputs: tuple[str | Path | None, ...]) -> None:
    """From here on nothing is trusted: the guest's file is read, loaded and run inside."""
    from pffemu.cli import sandbox
    from pffemu.engine import jit, native_code

    if jit.available():  # compiled now, because they cannot be kept later
        for module in jit.OF_A_CORE:
            native_code.hooks(module)

    sandbox.enter(machine, outputs, str(Path(file).absolute()))


def _write_summary(
    json: str, machine: MachineOptions, guest: GuestCommand, budget: int | None, summary: Any, host_stats: bool
) -> None:
    from pffemu.report.summary import to_json

    chosen = {
        "file": guest.file, "arguments": list(guest.arguments), "mode": machine.mode.value, "cpus": machine.cpus,
        "ram": machine.ram, "budget": budget, "profile": machine.cpu.profile.name,
        "profile_hash": machine.cpu.profile.digest,
    }  # fmt: skip
    write_text(to_json(pffemu.__version__, "run", chosen, [summary], host_stats=host_stats), json)


def _finish(stop: Stop) -> NoReturn:
    if not isinstance(stop, Exited):
        say(str(stop))
    raise typer.Exit(stop.exit_code)
