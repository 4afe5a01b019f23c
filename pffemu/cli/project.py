"""pffemu cflags, examples and init: what a project outside this repository needs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

import pffemu
from guest.paths import INCLUDE
from pffemu.cli.terminal import out_console, write_text
from pffemu.errors import PffemuError, UsageError

_PACKAGE: Final = Path(pffemu.__file__).parent
_STARTER: Final = _PACKAGE / "starter"
_DOTTED: Final = "dot-"  # prefix of names that begin with a dot


def cflags() -> None:
    """Print the compiler options for pff.h and uintr.h, as pkg-config does.

    Example: gcc -static -pthread $(pffemu cflags) prog.c -o prog
    """
    write_text(f"-I{INCLUDE} -muintr", "-")


def examples(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the examples go; it is made.")] = Path(
        "examples"
    ),
) -> None:
    """Copy the example programs, in assembly, C and Python, into a folder. Files that are there already stay.

    Example: pffemu examples examples
    """
    inside, beside = _PACKAGE / "examples", _PACKAGE.parent / "examples"
    _copy(inside if inside.is_dir() else beside, folder)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder; it is made.")] = Path("."),
) -> None:
    """Write a starter project: a test in assembly, one in C, and a workflow file for a CI service.

    Files that are there already stay as they are.

    Example: pffemu init my-handler && cd my-handler && pytest
    """
    _copy(_STARTER, folder)


def _copy(source: Path, folder: Path) -> None:
    """Copy the files below `source`, those that are there already left out, and name them."""
    names = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    names = [name for name in names if "__pycache__" not in name.parts]
    if not names:
        raise PffemuError("this installation has no such files", where=str(source), remedy="install pffemu again")
    out = out_console()
    for name in names:
        target = folder / Path(*(part.replace(_DOTTED, ".", 1) for part in name.parts))
        if target.exists():
            out.print(f"{target}: is there already", markup=False, soft_wrap=True)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target)
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=str(target), remedy="another DIR") from error
        out.print(str(target), markup=False, soft_wrap=True)
