"""pffemu trace: writes a run as a file for a trace viewer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import check_writable, err_console, say
from pffemu.errors import PffemuError, UsageError
from pffemu.machine.stop import Exited
from pffemu.report.chrome_trace import ChromeTrace
from pffemu.report.lanes import Lanes
from pffemu.report.perfetto import PerfettoTrace
from pffemu.report.progress import ProgressLine

_DEFAULT: Final = Path("trace.json")


@chooses_machine
def trace(
    file: options.GuestFile,
    arguments: options.GuestArguments = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Trace: .json (Chrome's) or .pftrace (Perfetto's).",
            show_default=str(_DEFAULT),
        ),
    ] = None,
    *,
    machine: MachineChoice,
    budget: options.Budget = None,
) -> None:
    """Run a guest program and write a trace that ui.perfetto.dev and chrome://tracing open.

    Tracks: cores, the kernel's work on each, threads, devices; an arrow joins a faulting access to its resumption.
    The exit code is the guest's, as with `pffemu run`. A .pftrace needs the extra `trace`. Without -o, a trace.json
    that is there already is left alone.

    Example: pffemu trace -o fault.json examples/own_handler.s
    """
    if output is None and _DEFAULT.exists():
        raise UsageError("there is a trace already", where=str(_DEFAULT), remedy="name a file with -o, or remove it")
    output = output or _DEFAULT
    if output.suffix not in (".json", ".pftrace"):
        raise UsageError("a trace is a .json or a .pftrace", where=str(output), remedy="name one after -o")
    check_writable(output)
    progress = ProgressLine(err_console, Path(file).name)
    guest = GuestCommand(file, arguments or [], machine.environment)
    loaded = foreground.prepare(lambda: load_guest(machine.options, guest, progress, False), progress, "loading")
    replaced = output.exists()
    with _lanes(output, machine.options.cpu.profile.frequency) as lanes:
        loaded.events.sinks.append(lanes)
        foreground.show_warnings(loaded.events)
        stop = foreground.run(loaded, progress, budget)
    say(f"the trace is in {output}{', in place of an older file' if replaced else ''}")
    if not isinstance(stop, Exited):
        say(str(stop))
    raise typer.Exit(stop.exit_code)


@contextmanager
def _lanes(path: Path, frequency: int) -> Iterator[Lanes]:
    """The sink that writes `path` in the format of its suffix; the file is completed even after an error.

    `frequency` in Hz.
    """
    if path.suffix == ".pftrace":
        PerfettoTrace(io.BytesIO(), frequency)  # raises before a file is there
    try:
        if path.suffix == ".json":
            with path.open("w", encoding="ascii") as text:
                yield from _closing(Lanes(ChromeTrace(text, frequency)))
        else:
            with path.open("wb") as binary:
                yield from _closing(Lanes(PerfettoTrace(binary, frequency)))
    except OSError as error:
        raise PffemuError(
            f"the trace cannot be written: {error.strerror}", where=str(path), remedy="name another file after -o"
        ) from error


def _closing(lanes: Lanes) -> Iterator[Lanes]:
    try:
        yield lanes
    finally:
        lanes.close()
