"""The `pffemu` command: its subcommands and its handling of errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

import typer

import pffemu
from pffemu.cli import life_line, standard_streams
from pffemu.cli.stopped import Stopped
from pffemu.cli.terminal import OutputClosed, say
from pffemu.errors import PffemuError

CANNOT_GO_ON = 125
INTERRUPTED = 130
_OWN: Final = ("pffemu", "kernel_model", "guest", "")  # a module of these is missing: a mistake in pffemu


class _Command(NamedTuple):
    """A command: the module with a function of its name, its first line of help, how typer reads its arguments."""

    module: str
    summary: str
    settings: Mapping[str, Any] = MappingProxyType({})


_GUESTS_OWN: Final = {"context_settings": {"allow_interspersed_args": False}}  # options behind the guest's name
_NEEDS_ARGUMENTS: Final = {**_GUESTS_OWN, "no_args_is_help": True}
_COMMANDS: Final = {
    "run": _Command(
        "run", "Run a guest program; its standard input, output and exit status are passed through.", _NEEDS_ARGUMENTS
    ),
    "trace": _Command(
        "trace", "Run a guest program and write a trace that ui.perfetto.dev and chrome://tracing open.",
        _NEEDS_ARGUMENTS,
    ),
    "faults": _Command(
        "faults", "List the page faults of a run: their numbers, virtual cycles, paths, addresses and instructions.",
        _NEEDS_ARGUMENTS,
    ),
    "timeline": _Command(
        "timeline", "Show one page fault from the refused walk to the resumed instruction, under each mode.",
        _GUESTS_OWN,
    ),
    "report": _Command(
        "report",
        "Put benchmark reports on one self-contained HTML page: options, tables, figures, one fault step by step.",
        {"no_args_is_help": True},
    ),
    "compare": _Command(
        "compare", "Run one workload, or your program, under many mechanisms, with less memory and more threads.",
        {"no_args_is_help": True},
    ),
    "debug": _Command(
        "debugging",
        "Step through a program, forwards and backwards, and stand inside the delivery of a fault.", _NEEDS_ARGUMENTS,
    ),
    "gdb": _Command(
        "gdb", "Let a gdb drive the guest, forwards and backwards; `monitor help` lists what gdb itself lacks.",
        _NEEDS_ARGUMENTS,
    ),
    "demo": _Command(
        "demo",
        "Show what page fault forwarding saves: counts, one fault step by step, virtual time, a figure. Takes seconds.",
    ),
    "doctor": _Command(
        "doctor",
        "Check this installation: versions, compiled functions, the engine's behaviour, memory. "
        "Exit code 1 on a failure.",
    ),
    "init": _Command(
        "project", "Write a starter project: a test in assembly, one in C, and a workflow file for a CI service."
    ),
    "examples": _Command(
        "project",
        "Copy the example programs, in assembly, C and Python, into a folder. Files that are there already stay.",
    ),
    "cflags": _Command("project", "Print the compiler options for pff.h and uintr.h, as pkg-config does."),
    "man": _Command("manual", "Print a manual page: of pffemu, or of a command."),
    "schema": _Command("schema", "Print the JSON schema of what a command writes with --json."),
    "completion": _Command(
        "completion", "Print a script for the shell's completion of commands and options.", {"no_args_is_help": True}
    ),
}  # fmt: skip
_GROUPS: Final = {
    "bench": "Compare the ways to bring in a page on one guest binary.",
    "timing": "Machine profiles: the cost of each step, with its source.",
}
COMMAND_NAMES: Final = (*_COMMANDS, *_GROUPS)
_PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
_BENCHMARKS: Final[dict[str, dict[str, Any]]] = {
    "fault": {}, "bfs": {}, "ioctl": {}, "sweep": {"context_settings": _PASSED_ON, "no_args_is_help": True},
}  # fmt: skip


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """The command line, with the command that `arguments` name, or with all; an unused command is not imported."""
    app = typer.Typer(
        name="pffemu",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_pffemu)
    named = next((text for text in arguments if not text.startswith("-")), None)
    if named in _COMMANDS:
        command = _COMMANDS[named]
        imported = import_module(f"pffemu.cli.{command.module}")
        app.command(named, cls=getattr(imported, "COMMAND_CLASS", None), **command.settings)(getattr(imported, named))
    elif named == "bench":
        bench = typer.Typer(no_args_is_help=True, help=_GROUPS["bench"])
        app.add_typer(bench, name="bench")
        for name, settings in _BENCHMARKS.items():
            bench.command(name, **settings)(getattr(import_module(f"pffemu.cli.bench_{name}"), f"bench_{name}"))
    elif named == "timing":
        app.add_typer(import_module("pffemu.cli.timing").timing, name="timing", help=_GROUPS["timing"])
    else:
        for name, summary in (*((name, command.summary) for name, command in _COMMANDS.items()), *_GROUPS.items()):
            app.command(name, help=summary)(_named_only)
    return app


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and those of the groups, imported, each with its words behind `pffemu`."""
    for name in COMMAND_NAMES:
        app = typer.main.get_command(make_app([name]))
        command: Any = getattr(app, "commands", {}).get(name, app)
        yield (name,), command
        for child, inner in getattr(command, "commands", {}).items():
            yield (name, child), inner


def _named_only() -> None:
    """A command in the list of commands: it is not run."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pffemu {pffemu.__version__}")
        raise typer.Exit


def _pffemu(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """An x86-64 emulator that forwards page faults to user space (PFF), beside ordinary userfaultfd.

    Example: pffemu bench fault --pages 256
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one message on standard error."""
    given = list(arguments) if arguments is not None else sys.argv[1:]
    standard_streams.prepare()
    life_line.hold()
    try:
        return _run(given)
    except Stopped as stopped:
        say(str(stopped))
        if stopped.abandoned:
            _leave_at_once(stopped.exit_code)
        return stopped.exit_code
    except OutputClosed as closed:
        return closed.exit_code
    except PffemuError as error:
        say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        say(f"error: {error.strerror or error}\n  try: look at where the output is redirected to")
        return CANNOT_GO_ON
    except ModuleNotFoundError as error:
        return _not_installed(error)
    except KeyboardInterrupt:  # while modules are imported; a command that runs says what it stopped
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        return _internal(error)
    finally:
        _empty_stdout()


def _run(arguments: Sequence[str]) -> int:
    """Raises OSError where the output cannot be written."""
    code = 0
    try:
        make_app(arguments)(args=arguments, prog_name="pffemu")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    return code


def _not_installed(error: ModuleNotFoundError) -> int:
    package = (error.name or "").partition(".")[0]
    if package in _OWN:
        return _internal(error)
    say(f"error: the module {package} is not installed\n  try: pip install pffemu, which brings all that it needs")
    return CANNOT_GO_ON


def _internal(error: Exception) -> int:
    if os.environ.get("PFFEMU_DEBUG") == "1":
        traceback.print_exception(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    say(f"internal error: {what} (PFFEMU_DEBUG=1 shows the traceback; please report it)")
    return CANNOT_GO_ON


def _leave_at_once(code: int) -> None:
    """End the process without waiting for the worker thread, which cannot be stopped."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _empty_stdout() -> None:
    """Drop unwritten output: Python would flush it at exit and report a second error."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, OutputClosed):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
