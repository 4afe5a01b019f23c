"""The `pffemu` command: its subcommands and its handling of errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any, Final

import typer

import pffemu
from pffemu.cli import standard_streams
from pffemu.cli.foreground import Stopped
from pffemu.cli.terminal import OutputClosed, say
from pffemu.errors import PffemuError

CANNOT_GO_ON = 125

# command -> its module (which holds a function of that name), and how typer is to read its arguments
_COMMANDS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "run": ("run", {"context_settings": {"allow_interspersed_args": False}, "no_args_is_help": True}),
    "trace": ("trace", {"context_settings": {"allow_interspersed_args": False}, "no_args_is_help": True}),
    "timeline": ("timeline", {"context_settings": {"allow_interspersed_args": False}}),
    "report": ("report", {"no_args_is_help": True}),
    "debug": ("debugging", {"context_settings": {"allow_interspersed_args": False}, "no_args_is_help": True}),
    "gdb": ("gdb", {"context_settings": {"allow_interspersed_args": False}, "no_args_is_help": True}),
    "demo": ("demo", {}),
    "doctor": ("doctor", {}),
}
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
    named = arguments[0] if arguments and arguments[0] in (*_COMMANDS, "bench", "timing") else None
    for name, (module, settings) in _COMMANDS.items():
        if named in (None, name):
            imported = import_module(f"pffemu.cli.{module}")
            app.command(name, cls=getattr(imported, "COMMAND_CLASS", None), **settings)(getattr(imported, name))
    if named in (None, "bench"):
        bench = typer.Typer(no_args_is_help=True, help="Compare the three ways to bring in a page on one guest binary.")
        app.add_typer(bench, name="bench")
        for name, settings in _BENCHMARKS.items():
            bench.command(name, **settings)(getattr(import_module(f"pffemu.cli.bench_{name}"), f"bench_{name}"))
    if named in (None, "timing"):
        app.add_typer(import_module("pffemu.cli.timing").timing, name="timing")
    return app


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
