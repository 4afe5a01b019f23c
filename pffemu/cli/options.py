"""Options that several commands share."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from guest.handlers import Handler
from kernel_model.mechanisms import Mode
from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.machine.options import MAX_CPUS, MachineOptions, parse_size

DEFAULTS = MachineOptions()


ALL: Final = "all"
_MODES: Final = [*(mode.value for mode in Mode), ALL]


def chosen_modes(choices: list[str]) -> tuple[Mode, ...]:
    """The modes in the order given, each once; none given: all. Raises UsageError."""
    if not choices or ALL in choices:
        return tuple(Mode)
    unknown = [choice for choice in choices if choice not in _MODES]
    if unknown:
        raise UsageError(f"--mode {unknown[0]!r} is not a mode", remedy=f"use one of {', '.join(_MODES)}")
    return tuple(dict.fromkeys(Mode(choice) for choice in choices))


class HandlerChoice(Enum):
    """Handlers of userfaultfd in the benchmarks."""

    READ = "read"
    POLL = "poll"
    BUSY = "busy"
    SIGBUS = "sigbus"
    ALL = "all"


def chosen_handlers(choices: list[HandlerChoice]) -> tuple[Handler, ...]:
    """The handlers in the order given, each once; none given: the blocking read."""
    if HandlerChoice.ALL in choices:
        return tuple(Handler)
    return tuple(dict.fromkeys(Handler(choice.value) for choice in choices)) or (Handler.READ,)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error.what}; {error.remedy}") from error


def environment(given: list[str] | None) -> list[str]:
    """NAME=VALUE for each --env; the last one of a name counts."""
    variables: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--env {text!r} has no name", remedy="write --env NAME=VALUE, or --env NAME")
        variables[name] = value if equals else os.environ.get(name, "")
    return [f"{name}={value}" for name, value in variables.items()]


GuestFile = Annotated[
    str, typer.Argument(metavar="FILE", help="Assembly source (.s, .asm) with _start, an ELF64, or a script.")
]
GuestArguments = Annotated[
    list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the guest, passed on untouched.")
]
RunMode = Annotated[
    Mode,
    typer.Option(help="Handler of page faults in userfaultfd memory: kernel, another thread, or the thread itself."),
]
BenchModes = Annotated[
    list[str],
    typer.Option(
        "--mode",
        metavar=f"[{'|'.join(_MODES)}]",
        help="Mode to run; may be repeated.",
        show_default=ALL,
    ),
]
Handlers = Annotated[
    list[HandlerChoice],
    typer.Option(
        "--handler",
        help="How userfaultfd's handler waits: blocking read, poll and read, busy reads, or SIGBUS in the same thread.",
        show_default="read",
    ),
]
Cpus = Annotated[int, typer.Option(min=1, max=MAX_CPUS, help="Number of cores.")]
Ram = Annotated[
    int | None,
    typer.Option(parser=_size, metavar="SIZE", help="Guest RAM, as in 512M or 16G; costs nothing until touched."),
]
Quota = Annotated[
    int | None,
    typer.Option(
        parser=_size, metavar="SIZE", help="Bytes of files on disk (--root) in the page cache at most, as in 1M."
    ),
]
FaultAround = Annotated[
    int,
    typer.Option(
        "--fault-around", min=1, max=64, help="Pages of a file on disk that a read fault maps (a power of 2)."
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(min=1, metavar="INSTRUCTIONS", help="Stop after this many guest instructions (exit code 124)."),
]
Trace = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write every event as a JSON line; its sha256 is the trace hash.")
]
MachineProfile = Annotated[
    str,
    typer.Option("--profile", metavar="NAME|FILE", help="Machine profile that sets all costs, or its TOML file."),
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write exact counts as JSON; - is standard output.")
]
Root = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST[:GUEST][:ro[:times]]",
        help="Let the guest reach a host directory, as / or GUEST; none by default.",
    ),
]
Libs = Annotated[
    bool,
    typer.Option(
        "--libs", help="Let the guest read this host's dynamic loader and libraries, as a dynamic program needs them."
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME[=VALUE]", help="Give the guest an environment variable (NAME: the host's)."),
]
Seed = Annotated[int, typer.Option(min=0, max=MASK64, help="Seed of the guest's random numbers.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop at the first system call or flag that is not modelled (exit code 125); "
        "implies --exact-float and --check-alignment.",
    ),
]
ExactFloat = Annotated[
    bool,
    typer.Option("--exact-float", help="Compute all floating point as the CPU does, to the last bit and flag; slow."),
]
CheckAlignment = Annotated[
    bool,
    typer.Option("--check-alignment", help="Raise #GP for misaligned 16-byte operands of SSE, as the CPU does; slow."),
]
Csv = Annotated[str | None, typer.Option("--csv", metavar="FILE|-", help="Write one row per run as CSV.")]
HostStats = Annotated[bool, typer.Option("--host-stats", help="Also report host time and memory, which vary.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the costs as PNG, SVG or PDF (extra: plot).")]
Uncertainty = Annotated[
    int | None,
    typer.Option(
        "--uncertainty",
        metavar="N",
        min=10,
        max=10_000,
        help="Also give intervals: N draws of what the machine might cost, wider for guesses than for measurements.",
    ),
]
DrawSeed = Annotated[int, typer.Option("--draw-seed", min=0, help="Seed of --uncertainty and --scatter.")]
Scatter = Annotated[
    bool,
    typer.Option("--scatter", help="Also give latencies that vary as the profile's spreads say (seed: --draw-seed)."),
]
