"""The `pffemu` command: its subcommands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

import pffemu
from pffemu.cli import bench_bfs, bench_fault, bench_ioctl, demo, doctor, run, timeline, trace
from pffemu.cli import timing as timing_commands
from pffemu.cli.foreground import Stopped
from pffemu.cli.terminal import OutputClosed, say
from pffemu.errors import PffemuError

CANNOT_GO_ON = 125

app = typer.Typer(
    name="pffemu",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(no_args_is_help=True, help="Compare the three ways to bring in a page on one guest binary.")
app.command("run", context_settings={"allow_interspersed_args": False}, no_args_is_help=True)(run.run)
app.add_typer(bench, name="bench")
bench.command("fault")(bench_fault.bench_fault)
bench.command("bfs")(bench_bfs.bench_bfs)
bench.command("ioctl")(bench_ioctl.bench_ioctl)
app.command("trace", context_settings={"allow_interspersed_args": False}, no_args_is_help=True)(trace.trace)
app.command("timeline", context_settings={"allow_interspersed_args": False})(timeline.timeline)
app.add_typer(timing_commands.timing, name="timing")
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pffemu {pffemu.__version__}")
        raise typer.Exit


@app.callback()
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
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="pffemu")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Stopped as stopped:
        say(str(stopped))
        if stopped.abandoned:
            _leave_at_once(stopped.exit_code)
        return stopped.exit_code
    except OutputClosed as closed:
        _forget_stdout()
        return closed.exit_code
    except PffemuError as error:
        say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        say(f"error: {error.strerror or error}\n  try: look at where the output is redirected to")
        _forget_stdout()
        return CANNOT_GO_ON
    except Exception as error:
        return _internal(error)
    return 0


def _internal(error: Exception) -> int:
    if os.environ.get("PFFEMU_DEBUG") == "1":
        traceback.print_exception(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    say(f"internal error: {what} (PFFEMU_DEBUG=1 shows the traceback; please report it)")
    return CANNOT_GO_ON


def _leave_at_once(code: int) -> None:
    """Without waiting for the worker, which nothing can stop."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _forget_stdout() -> None:
    """Python flushes stdout at exit; to a closed pipe that would be another error."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
