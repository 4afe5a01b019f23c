"""A program's debug information, from assembly source or ELF: source lines and call frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final

from guest.paths import ASM, INCLUDE
from pffemu.asm import Program, assemble
from pffemu.errors import ElfError
from pffemu.machine.elf import load_bias
from pffemu.machine.elf_frames import CallFrames, read_frames
from pffemu.machine.elf_lines import LineRange, read_lines

ASSEMBLY: Final = (".s", ".asm")  # suffixes of assembly source


class SourceLines:
    """Source lines by address, and addresses by source line."""

    def __init__(self, ranges: Iterable[LineRange]) -> None:
        self._ranges = sorted(ranges)
        self._starts = [found.start for found in self._ranges]

    def line_of(self, address: int) -> tuple[str, int] | None:
        """(file, line) of the instruction at `address`."""
        i = bisect_right(self._starts, address) - 1
        if i < 0 or address >= self._ranges[i].end:
            return None
        return self._ranges[i].file, self._ranges[i].number

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
    return SourceLines(LineRange(x.address, x.address + x.size, x.file, x.number) for x in program.lines if x.size)


def lines_of_file(path: Path) -> SourceLines:
    """The source lines of a program file that could be loaded; empty without line information."""
    if path.suffix.lower() in ASSEMBLY:
        return lines_of_program(assemble(path.read_text(encoding="utf-8"), file=str(path), include_dirs=(ASM, INCLUDE)))
    try:
        data = path.read_bytes()
        bias = load_bias(data, str(path))
        return SourceLines(x._replace(start=x.start + bias, end=x.end + bias) for x in read_lines(data, str(path)))
    except ElfError:
        return SourceLines(())


def frames_of_file(path: Path) -> CallFrames | None:
    """The call frame information of a program file that could be loaded; None when it has none."""
    if path.suffix.lower() in ASSEMBLY:
        return None
    try:
        data = path.read_bytes()
        return read_frames(data, str(path), load_bias(data, str(path)))
    except ElfError:
        return None
