"""pffemu gdb: a guest program under a GDB remote stub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pffemu.cli import foreground, options
from pffemu.cli.debugging import DebugFile, GuestArguments, open_session
from pffemu.cli.terminal import say
from pffemu.debug.commands import Commands
from pffemu.debug.gdb.server import LOOPBACK, listen, serve
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.gdb.stop_reply import Stopped, Why
from pffemu.errors import PffemuError
from pffemu.machine.options import MachineOptions, Mode

PORT: Final = 1234  # QEMU's
_STALE: Final = "\n(gdb shows what it read before this; `maintenance flush register-cache` makes it look again)"


def gdb(
    file: DebugFile,
    arguments: GuestArguments = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0: any free one.")] = PORT,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Whoever reaches it can read and write the guest.")
    ] = LOOPBACK,
    mode: options.RunMode = Mode.PFF,
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
) -> None:
    """Let a gdb drive the guest, forwards and backwards; `monitor help` lists what gdb itself lacks.

    In gdb: target remote localhost:1234. The exit code is the guest's once it has ended; `detach` lets it run on.

    Example: pffemu gdb --port 0 prog
    """
    chosen = MachineOptions(mode=mode, cpus=cpus, ram=ram or options.DEFAULTS.ram)
    with open_session(file, arguments or [], chosen) as (session, places):
        commands = Commands(session, places)
        target = SessionTarget(session, Path(file), lambda line: _monitor(commands, line))
        with listen(host, port) as server:
            say(f"waiting for gdb: target remote {host}:{server.getsockname()[1]}")
            stub = foreground.call(lambda: serve(server, target, say))
        last = target.cont() if stub.detached else stub.last
    raise typer.Exit(_exit_code(last))


def _monitor(commands: Commands, line: str) -> str:
    before = commands.session.halt
    try:
        said = commands.execute(line)
    except PffemuError as error:
        said = f"error: {error}"
    return said + (_STALE if commands.session.halt is not before else "") + "\n"


def _exit_code(last: Stopped) -> int:
    if last.why in (Why.SIGNAL, Why.KILLED):
        return 128 + last.value
    return last.value if last.why is Why.EXITED else 0
