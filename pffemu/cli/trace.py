"""pffemu trace: writes a run as a file for a trace viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import err_console, say, show_warnings
from pffemu.errors import PffemuError, UsageError
from pffemu.machine.stop import Exited
from pffemu.report.chrome_trace import ChromeTrace
from pffemu.report.lanes import Lanes
from pffemu.report.perfetto import PerfettoTrace
from pffemu.report.progress import ProgressLine


@chooses_machine
def trace(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Assembly source (.s, .asm) with _start, an ELF64, or a script.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the guest, passed on untouched.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Trace: .json (Chrome's) or .pftrace (Perfetto's).")
    ] = Path("trace.json"),
    *,
    machine: MachineChoice,
    budget: options.Budget = None,
) -> None:
    """Run a guest program and write a trace that ui.perfetto.dev and chrome://tracing open.

    Tracks: cores, the kernel's work on each, threads, devices; an arrow joins a faulting access to its resumption.
    The exit code is the guest's, as with `pffemu run`. A .pftrace needs the extra `trace`.

    Example: pffemu trace -o fault.json examples/own_handler.s
    """
    if output.suffix not in (".json", ".pftrace"):
        raise UsageError("a trace is a .json or a .pftrace", where=str(output), remedy="name one after -o")
    progress = ProgressLine(err_console(), Path(file).name)
    guest = GuestCommand(file, arguments or [], machine.environment)
    loaded = foreground.prepare(lambda: load_guest(machine.options, guest, progress, False), progress, "loading")
    with _lanes(output, machine.options.cpu.profile.frequency) as lanes:
        loaded.events.sinks.append(lanes)
        show_warnings(loaded.events)
        stop = foreground.run(loaded, progress, budget)
    if not isinstance(stop, Exited):
        say(str(stop))
    raise typer.Exit(stop.exit_code)


@contextmanager
def _lanes(path: Path, frequency: int) -> Iterator[Lanes]:
    """The sink that writes `path` in the format of its suffix; the file is completed even after an error.

    `frequency` in Hz.
    """
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
