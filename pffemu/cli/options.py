"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pffemu.errors import UsageError
from pffemu.machine.options import MAX_CPUS, MachineOptions, Mode, parse_size

DEFAULTS = MachineOptions()


class ModeChoice(Enum):
    """Modes of the benchmarks."""

    KERNEL = "kernel"
    UFFD = "uffd"
    PFF = "pff"
    ALL = "all"


def chosen_modes(choices: list[ModeChoice]) -> tuple[Mode, ...]:
    """In the order given, each once; none given: all."""
    if not choices or ModeChoice.ALL in choices:
        return tuple(Mode)
    return tuple(dict.fromkeys(Mode(choice.value) for choice in choices))


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error.what}; {error.remedy}") from error


RunMode = Annotated[
    Mode,
    typer.Option(help="Who handles page faults of userfaultfd memory: the kernel, a thread, or the thread itself."),
]
BenchModes = Annotated[
    list[ModeChoice], typer.Option("--mode", help="Mode to run; may be given more than once.", show_default="all")
]
Cpus = Annotated[int, typer.Option(min=1, max=MAX_CPUS, help="Cores of the machine.")]
Ram = Annotated[
    int | None,
    typer.Option(parser=_size, metavar="SIZE", help="Guest RAM, as in 512M or 16G; costs nothing until touched."),
]
Budget = Annotated[
    int | None,
    typer.Option(min=1, metavar="INSTRUCTIONS", help="Stop after so many guest instructions (exit code 124)."),
]
Trace = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write every event as a JSON line; its sha256 is the trace hash.")
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write exact counts as JSON; - is standard output.")
]
HostStats = Annotated[bool, typer.Option("--host-stats", help="Also tell host time and memory; these vary.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the costs, as PNG, SVG or PDF (extra: plot).")]
