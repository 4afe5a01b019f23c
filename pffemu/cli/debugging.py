"""pffemu debug: a debugging session over the user's program, test or snapshot, with panes or lines."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from kernel_model.files import ByteSink
from pffemu.cli import foreground, options
from pffemu.cli import web as web_panes
from pffemu.cli.failing_test import FailingTest
from pffemu.cli.guest_machine import GuestCommand, StandardInput, load_guest
from pffemu.cli.line_editing import with_history
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.standard_streams import draws_lines
from pffemu.cli.stopped import Stopped
from pffemu.cli.terminal import GuestOutput, err_console, say
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file, locals_of_file, variables_of_file
from pffemu.errors import MissingFileError, PffemuError, UsageError
from pffemu.machine.elf_frames import CallFrames
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.report.progress import ProgressLine
from pffemu.state import snapshot_file
from pffemu.state.classes import SnapshotError
from pffemu.testing.defaults import read_defaults


class DebugFiles(NamedTuple):
    """Files of the host for debug information. `program`: of a snapshot, which does not say where it is."""

    sources: tuple[Path, ...] = ()
    program: Path | None = None


SourceFolders = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Read source files below here only (default: the program's folder; repeat)."),
]
SnapshotProgram = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Of a snapshot: its program's file, for source lines and backtraces."),
]
WebPort = Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="TCP port for --web.")]
DebugFile = Annotated[
    str, typer.Argument(metavar="FILE", help="Assembly source, an ELF64, a script, or a snapshot that `save` wrote.")
]


@chooses_machine
def debug(
    file: DebugFile,
    arguments: options.GuestArguments = None,
    commands: Annotated[
        Path | None,
        typer.Option(metavar="FILE|-", help="Run the commands in this file, one a line, and end; - is standard input."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="NAME", help="Debug this test of FILE (pytest shows its name behind ::).")
    ] = None,
    at_failure: Annotated[bool, typer.Option("--at-failure", help="Begin where the test fails (with --test).")] = False,
    setup: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME: VALUE", help="What pytest's pffemu_NAME says, as 'mode: pff-pte' (with --test)."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Use lines instead of panes on a terminal, too.")] = False,
    web: Annotated[bool, typer.Option("--web", help="Show the panes in a browser (extra: web).")] = False,
    web_port: WebPort = 8000,
    source: SourceFolders = None,
    program: SnapshotProgram = None,
    *,
    machine: MachineChoice,
) -> None:
    """Step through a program, forwards and backwards, and stand inside the delivery of a fault.

    Options go before FILE, as with `run`; what follows it is the guest's (but --test NAME may follow a file of tests).

    On a terminal: panes and keys (extra: tui), or lines with --plain. Otherwise, or with --commands: one command a
    line; `help` lists them.

    Example: pffemu debug --commands - examples/own_handler.s <<< 'event frame
    continue
    frame'
    """
    if at_failure and test is None:
        raise UsageError("--at-failure needs --test", remedy="name the test, as pytest does behind ::")
    if setup and test is None:
        raise UsageError("--setup needs --test", remedy="name the test, as pytest does behind ::")
    if web:
        if commands is not None or plain:
            raise UsageError("--web is for panes", remedy="leave out --commands and --plain")
        given = sys.argv[1:]
        given.remove("--web")  # the first one: a later one is the guest's
        return web_panes.serve(given, web_port)
    guest = GuestCommand(file, arguments or [], machine.environment)
    in_browser = web_panes.DRIVER in os.environ
    terminal = commands is None and not plain and (in_browser or (sys.stdin.isatty() and sys.stdout.isatty()))
    output = bytearray() if terminal and _can_show_panes() else None
    if test is not None:
        opened = _test_session(file, test, at_failure, setup or [])
    else:
        files = DebugFiles(tuple(source or ()), program)
        opened = open_session(guest, machine.options, files, Collected(output) if output is not None else None)
    with opened as (session, places):
        talk = Commands(session, places, Path)
        if output is not None:
            _run_app(talk, output)
            return
        _run_lines(talk, commands)


def _run_lines(talk: Commands, commands: Path | None) -> None:
    """The line mode: commands that the user types, or those of a file."""
    _show(talk.execute("where"))
    typed = commands is None and sys.stdin.isatty()
    for line in _typed(talk) if typed else _lines(commands):
        if not _execute(talk, line, typed):
            raise typer.Exit(UsageError.exit_code)
        if talk.over:
            break


def _can_show_panes() -> bool:
    return find_spec("textual") is not None and (draws_lines() or web_panes.DRIVER in os.environ)


def _run_app(talk: Commands, output: bytearray) -> None:
    from pffemu.tui.app import DebuggerApp

    DebuggerApp(talk, output).run()


class _FileOfTestsFirst(TyperCommand):
    """Options may follow a FILE of tests: pytest's message shows the command in that order."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--test" in args:
            before = [arg for arg in args[: args.index("--test")] if arg not in ("--at-failure", "--plain")]
            ctx.allow_interspersed_args = bool(before) and fnmatch(Path(before[-1]).name, "test_*.[sc]")
        return super().parse_args(ctx, args)


COMMAND_CLASS = _FileOfTestsFirst


class Collected:
    """Collects the guest's output while the panes have the screen."""

    def __init__(self, target: bytearray) -> None:
        self._target = target

    def write(self, data: bytes, /) -> None:
        self._target += data


@contextmanager
def open_session(
    guest: GuestCommand, chosen: MachineOptions, files: DebugFiles, output: ByteSink | None = None
) -> Iterator[tuple[Session, Places]]:
    """`output`: where the guest's output goes. Raises MissingFileError, NotLoadableError, SnapshotError."""
    path = Path(guest.file)
    frames = None
    progress = ProgressLine(err_console, path.name)
    is_saved = snapshot_file.is_snapshot(path)
    if is_saved:
        machine, places, frames = _restored(path, chosen, files, output)
    else:
        machine = foreground.prepare(lambda: load_guest(chosen, guest, progress, False, output), progress, "loading")
        places, frames = Places(machine, lines_of_file(path, files.sources)), frames_of_file(path)
    foreground.show_warnings(machine.events)
    program = Path(machine.process.image.file) if machine.process.image.file else path
    with (
        _damaged(path) if is_saved else nullcontext(),
        closing(
            Session(machine, frames, lambda: variables_of_file(program), lambda: locals_of_file(program))
        ) as session,
    ):
        yield session, places


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """What a snapshot made by hand makes the machine do wrong is one error, too."""
    try:
        yield
    except (PffemuError, typer.Exit):
        raise
    except Exception as error:
        what = f"it is damaged: {type(error).__name__}: {error}"
        raise SnapshotError(what, where=str(path), remedy="save it again") from error


@contextmanager
def _test_session(file: str, name: str, at_failure: bool, setup: list[str]) -> Iterator[tuple[Session, Places]]:
    test = FailingTest(Path(file), name, read_defaults(setup, "--setup"))
    try:
        if at_failure:
            _show(test.go_to_failure())
        talk = Commands(test.session, test.places, Path)
        for directive, line in test.commands():
            try:
                _show(talk.execute(line))
            except UsageError as error:
                raise directive.error(error.what, error.remedy) from None
        yield test.session, test.places
    finally:
        test.session.close()


def _restored(
    path: Path, chosen: MachineOptions, files: DebugFiles, output: ByteSink | None
) -> tuple[Machine, Places, CallFrames | None]:
    """A snapshot's machine, with the host's directories and the debug information that the user names, no others."""
    stdout, stderr = output or GuestOutput(sys.stdout.buffer), output or GuestOutput(sys.stderr.buffer)
    machine = snapshot_file.restore(
        path, stdin=StandardInput(), stdout=stdout, stderr=stderr, roots=chosen.roots, libs=chosen.libs,
        program=files.program,
    )  # fmt: skip
    if files.program is None:
        return machine, Places(machine), None
    return machine, Places(machine, lines_of_file(files.program, files.sources)), frames_of_file(files.program)


def _lines(commands: Path | None) -> Iterable[str]:
    if commands is not None and str(commands) != "-":
        try:
            return commands.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            what = f"cannot read it: {error.strerror}"
            raise MissingFileError(what, where=str(commands), remedy="name a text file") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"cannot read it: {error}", where=str(commands), remedy="name a text file") from error
    return sys.stdin


def _typed(talk: Commands) -> Iterator[str]:
    """Lines that the user types. An empty one repeats the last; Ctrl-C drops the line being typed."""
    with_history(talk)
    last = ""
    while True:
        try:
            last = input("(pffemu) ") or last
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            continue
        yield last


def _execute(talk: Commands, line: str, typed: bool) -> bool:
    """Run a command; False if it was wrong, which ends a script. Raises Stopped when a script is interrupted."""
    with _interruptible(talk) as interrupted:
        try:
            text = talk.execute(line)
        except PffemuError as error:
            say(f"error: {error}")
            return typed
    _show(text)
    if interrupted and not typed:
        raise Stopped(signal.SIGINT, abandoned=False)
    return True


@contextmanager
def _interruptible(talk: Commands) -> Iterator[list[int]]:
    """Ctrl-C ends the running command and is noted in the list."""
    received: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        received.append(signum)
        talk.interrupt()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)


def _show(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
