"""pffemu run: one guest, its own exit status."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import pffemu
from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.terminal import check_writable, err_console, say, show_warnings, write_text
from pffemu.errors import UsageError
from pffemu.hw.cpu import CpuOptions
from pffemu.machine.options import MachineOptions, Mode
from pffemu.machine.roots import parse_root
from pffemu.machine.stop import Exited, Stop
from pffemu.report.progress import ProgressLine
from pffemu.timing import DEFAULT_PROFILE, load_profile


def run(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Assembly source (.s, .asm) with _start, or a static ELF64.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The guest's own, passed on untouched.")
    ] = None,
    mode: options.RunMode = Mode.PFF,
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
    root: options.Root = None,
    env: options.Env = None,
    seed: options.Seed = 0,
    strict: options.Strict = False,
    exact_float: options.ExactFloat = False,
    check_alignment: options.CheckAlignment = False,
    profile: options.MachineProfile = DEFAULT_PROFILE,
    budget: options.Budget = None,
    gdb: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Wait for a gdb on this loopback port.")
    ] = None,
    trace: options.Trace = None,
    json: options.Json = None,
    host_stats: options.HostStats = False,
) -> None:
    """Run a guest program; its standard input, output and exit status are passed through.

    A guest that dies of a signal gives 128 + signal, a used-up budget 124, a deadlock 125.

    Options go before FILE; what follows it is the guest's. With --json - the guest's output goes to standard error.

    Example: pffemu run --mode uffd --trace trace.jsonl prog.s first second
    """
    check_writable(json)
    if gdb is not None and (budget is not None or trace is not None or json is not None):
        raise UsageError("--gdb goes with neither --budget, --trace nor --json", remedy="leave one of them out")
    machine_options = MachineOptions(
        mode=mode, cpus=cpus, ram=ram if ram is not None else options.DEFAULTS.ram, seed=seed,
        roots=tuple(parse_root(text) for text in root or []), strict=strict,
        cpu=CpuOptions(profile=load_profile(profile), exact_float=exact_float, check_alignment=check_alignment),
    )  # fmt: skip
    progress = ProgressLine(err_console(), Path(file).name)
    guest = GuestCommand(file, arguments or [], options.environment(env))
    machine = foreground.prepare(lambda: load_guest(machine_options, guest, progress, json == "-"), progress, "loading")
    if gdb is not None:
        from pffemu.cli.gdb import run_under_gdb

        raise typer.Exit(run_under_gdb(machine, Path(file), gdb))
    show_warnings(machine.events)
    if trace is None and json is None:
        _finish(foreground.run(machine, progress, budget))
    from pffemu.cli.measure import Recorder  # what most runs do not need, they do not wait for

    with Recorder(machine, trace) as recorder:
        started = time.perf_counter()
        stop = foreground.run(machine, progress, budget)
    summary = recorder.summary(None, time.perf_counter() - started)
    if json is not None:
        _write_summary(json, machine_options, guest, budget, summary, host_stats)
    _finish(stop)


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
