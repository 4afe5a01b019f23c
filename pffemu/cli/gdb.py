"""pffemu gdb: a guest program under a GDB remote stub."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from pffemu.cli import foreground, options
from pffemu.cli.debugging import DebugFile, DebugFiles, SnapshotProgram, SourceFolders, open_session
from pffemu.cli.guest_machine import GuestCommand
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import say
from pffemu.debug.commands import Commands
from pffemu.debug.gdb.pipe import serve_pipe, take_streams
from pffemu.debug.gdb.server import LOOPBACK, listen, serve
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.gdb.stop_reply import Stopped, Why
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file
from pffemu.errors import PffemuError, UsageError
from pffemu.machine.machine import Machine

PORT: Final = 1234  # QEMU's
_STALE: Final = "\n(gdb still shows what it read before this; `maintenance flush register-cache` makes it read again)"


@chooses_machine
def gdb(
    file: DebugFile,
    arguments: options.GuestArguments = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port to listen on; 0: any free one.")] = PORT,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on. A client can read and write the whole guest.")
    ] = LOOPBACK,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Talk to gdb over standard input and output: target remote | pffemu ...")
    ] = False,
    saves: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Let `monitor save NAME` write snapshots there, and only there."),
    ] = None,
    source: SourceFolders = None,
    program: SnapshotProgram = None,
    *,
    machine: MachineChoice,
) -> None:
    """Let a gdb drive the guest, forwards and backwards; `monitor help` lists what gdb itself lacks.

    In gdb: target remote localhost:1234, or target remote | pffemu gdb --stdio PROG. The exit code is the guest's once
    it has ended; `detach` lets it run on.

    Example: pffemu gdb --port 0 prog
    """
    guest = GuestCommand(file, arguments or [], machine.environment)
    streams = take_streams() if stdio else None
    with open_session(guest, machine.options, DebugFiles(tuple(source or ()), program)) as (session, places):
        raise typer.Exit(_serve(session, places, Path(file), streams or (host, port), saves))


def run_under_gdb(machine: Machine, file: Path, port: int) -> int:
    """The exit code of `machine`, driven by a gdb on a port of the loopback."""
    foreground.show_warnings(machine.events)
    with closing(Session(machine, frames_of_file(file))) as session:
        return _serve(session, Places(machine, lines_of_file(file)), file, (LOOPBACK, port))


def _serve(
    session: Session, places: Places, file: Path, where: tuple[str | int, int], saves: Path | None = None
) -> int:
    """`where`: address and port to listen on, or the descriptors of a pipe."""
    commands = Commands(session, places, partial(_below, saves) if saves is not None else None)
    target = SessionTarget(session, file, lambda line: _monitor(commands, line))
    host, port = where
    if isinstance(host, int):
        stub = foreground.call(lambda: serve_pipe((host, port), target, say))
    else:
        with listen(host, port) as server:
            say(f"waiting for gdb: target remote {host}:{server.getsockname()[1]}")
            stub = foreground.call(lambda: serve(server, target, say))
    return _exit_code(target.cont() if stub.detached else stub.last)


def _below(folder: Path, name: str) -> Path:
    """The file `name` of `folder`. Raises UsageError for names that lead elsewhere."""
    if name in (".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"{name!r} is no plain file name", remedy=f"name a file of {folder}, without its folder")
    return folder / name


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
