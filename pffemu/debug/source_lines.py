"""A program's debug information, from assembly source or ELF: source lines and call frames.

Which files hold the text of the lines is said by the program, which is not believed: they are read below folders that
the user names, or where the assembler has read them.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Final, TypeVar

from guest.paths import ASM, INCLUDE
from pffemu.asm import Program, assemble
from pffemu.errors import ElfError
from pffemu.host_files import read_regular
from pffemu.machine.elf import load_bias
from pffemu.machine.elf_frames import CallFrames, read_frames
from pffemu.machine.elf_lines import LineRange, read_lines
from pffemu.machine.elf_locals import Local, read_locals
from pffemu.machine.elf_variables import Variable, read_variables

T = TypeVar("T")
_TEXT_MAX: Final = 1 << 24  # bytes of a source file
ASSEMBLY: Final = (".s", ".asm")  # suffixes of assembly source


class SourceLines:
    """Source lines by address, and addresses by source line; texts of source files.

    `folders`: texts are read below them only. `files`: and from these.
    """

    def __init__(
        self, ranges: Iterable[LineRange], folders: Iterable[Path] = (), files: frozenset[str] = frozenset()
    ) -> None:
        self._ranges = sorted(ranges)
        self._starts = [found.start for found in self._ranges]
        self._folders = tuple(Path(os.path.realpath(folder)) for folder in folders)
        self._files = files
        self._texts: dict[str, list[str]] = {}

    def text_of(self, file: str) -> list[str]:
        """The lines of a source file, by its path in the line table; none when it is not there, or not to be read.

        A file that is not at its path is looked for, by its name, in the folders themselves.
        """
        if file not in self._texts:
            candidates = [file] if file in self._files else self._below_folders(file)
            self._texts[file] = []
            for path in candidates:
                with suppress(OSError, ValueError):
                    text = read_regular(Path(path), _TEXT_MAX).decode("utf-8", "replace")
                    self._texts[file] = text.splitlines()
                    break
        return self._texts[file]

    def _below_folders(self, file: str) -> list[str]:
        found = [os.path.join(folder, file) for folder in self._folders]  # of an absolute path: the path
        found += [os.path.join(folder, os.path.basename(file)) for folder in self._folders]
        real = dict.fromkeys(os.path.realpath(path) for path in found if "\0" not in path)
        return [path for path in real if any(Path(path).is_relative_to(folder) for folder in self._folders)]

    def line_of(self, address: int) -> tuple[str, int] | None:
        """(file, line) of the instruction at `address`."""
        i = bisect_right(self._starts, address) - 1
        if i < 0 or address >= self._ranges[i].end:
            return None
        return self._ranges[i].file, self._ranges[i].number

    def begins_at(self, address: int) -> bool:
        """Whether a range of a line begins at `address`."""
        i = bisect_right(self._starts, address) - 1
        return i >= 0 and self._starts[i] == address

    def address_of(self, file: str, line: int) -> int | None:
        """The lowest address of the first line with code at or behind `line` of a file that ends in `file`."""
        wanted = PurePath(file).parts
        here = [r for r in self._ranges if r.number >= line and PurePath(r.file).parts[-len(wanted) :] == wanted]
        if not here:
            return None
        first = min(found.number for found in here)
        return min(found.start for found in here if found.number == first)


def lines_of_program(program: Program) -> SourceLines:
    """The source lines of an assembled program."""
    lines = [LineRange(x.address, x.address + x.size, x.file, x.number) for x in program.lines if x.size]
    return SourceLines(lines, files=frozenset(line.file for line in lines))


def assemble_file(path: Path) -> Program:
    """A source file that could be loaded, assembled as it was for that."""
    return assemble(path.read_text(encoding="utf-8"), file=str(path), include_dirs=(ASM, INCLUDE))


def lines_of_file(path: Path, sources: Sequence[Path] = ()) -> SourceLines:
    """The source lines of a program file that could be loaded; empty without line information.

    `sources`: folders with their texts; none: the program's own folder.
    """
    folders = sources or (path.parent,)
    if path.suffix.lower() in ASSEMBLY:
        return lines_of_program(assemble_file(path))
    try:
        data = path.read_bytes()
        bias = load_bias(data, str(path))
        lines = (x._replace(start=x.start + bias, end=x.end + bias) for x in read_lines(data, str(path)))
        return SourceLines(lines, folders)
    except ElfError:
        return SourceLines((), folders)


def variables_of_file(path: Path) -> dict[str, Variable]:
    """The C variables of a program file that could be loaded; empty without debug information."""
    return _debug_information(path, read_variables) or {}


def locals_of_file(path: Path) -> list[Local]:
    """Parameters and variables of the functions of a program file that could be loaded; none without -g."""
    return _debug_information(path, read_locals) or []


def _debug_information(path: Path, read: Callable[[bytes, str, int], T]) -> T | None:
    """What `read` finds in a program file, where it is loaded; None: it is assembly, or not to be read."""
    if path.suffix.lower() in ASSEMBLY:
        return None
    try:
        data = path.read_bytes()
        return read(data, str(path), load_bias(data, str(path)))
    except (ElfError, OSError):
        return None


def frames_of_file(path: Path) -> CallFrames | None:
    """The call frame information of a program file that could be loaded; None when it has none."""
    if path.suffix.lower() in ASSEMBLY:
        return None
    try:
        data = path.read_bytes()
        return read_frames(data, str(path), load_bias(data, str(path)))
    except ElfError:
        return None
