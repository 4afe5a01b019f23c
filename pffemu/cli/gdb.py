"""pffemu gdb: a guest program under a GDB remote stub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import load_guest
from pffemu.cli.measure import warn
from pffemu.cli.terminal import err_console, say
from pffemu.debug.commands import Commands
from pffemu.debug.gdb.server import LOOPBACK, listen, serve
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.session import Session
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions, Mode
from pffemu.report.progress import ProgressLine

DEFAULT_PORT = 1234  # QEMU's


def gdb(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Assembly source (.s, .asm) with _start, or a static ELF64.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The guest's own, passed on untouched.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0: any free one.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Whoever reaches it can read and write the guest.")
    ] = LOOPBACK,
    mode: options.RunMode = Mode.PFF,
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
) -> None:
    """Wait for a gdb, and let it drive the guest: forwards and backwards, with `monitor help` for what gdb lacks.

    In gdb: target remote localhost:1234. When gdb kills the guest or goes, so does this; after `detach` the guest runs on.

    Example: pffemu gdb --port 0 prog
    """
    chosen = MachineOptions(mode=mode, cpus=cpus, ram=ram if ram is not None else options.DEFAULTS.ram)
    progress = ProgressLine(err_console(), Path(file).name)
    machine = foreground.prepare(
        lambda: load_guest(chosen, file, arguments or [], progress, False), progress, "loading"
    )
    machine.events.sinks.append(warn)
    raise typer.Exit(debug_with_gdb(machine, Path(file), host, port, progress))


def debug_with_gdb(machine: Machine, file: Path, host: str, port: int, progress: ProgressLine) -> int:
    """Serve gdb until it has finished; the exit code."""
    session = Session(machine)
    commands = Commands(session)
    target = SessionTarget(session, file, commands.execute)
    with listen(host, port) as server:
        say(f"waiting for gdb: target remote {host}:{server.getsockname()[1]}")
        stub = foreground.call(lambda: serve(server, target, say))
    session.close()
    if not stub.detached:
        return 0
    stop = foreground.run(machine, progress)
    return stop.exit_code
