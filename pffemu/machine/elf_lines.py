"""Source lines of code addresses: DWARF's line table (DWARF 5, section 6.2), read by pyelftools."""

from __future__ import annotations

import posixpath
from io import BytesIO
from typing import Any, NamedTuple

from elftools.elf.elffile import ELFFile

from pffemu.errors import ElfError


class LineRange(NamedTuple):
    """Code at [start, end) comes from line `number` of `file`, a path as the compiler was given it."""

    start: int
    end: int
    file: str
    number: int


def read_lines(data: bytes, name: str) -> list[LineRange]:
    """Every range of an ELF file, ascending; none when it was built without -g. Raises ElfError for a damaged table."""
    try:
        elf = ELFFile(BytesIO(data))
        if not elf.has_dwarf_info():
            return []
        dwarf = elf.get_dwarf_info()
        return sorted(line for unit in dwarf.iter_CUs() for line in _of_unit(dwarf, unit))
    except Exception as error:  # elftools promises ELFError, but malformed tables make it raise nearly anything
        what = str(error) or type(error).__name__
        raise ElfError(f"the line table is damaged: {what}", where=name, remedy="build the file again") from None


def _of_unit(dwarf: Any, unit: Any) -> list[LineRange]:
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return []
    found, before = [], None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if before is not None and before.address < state.address and before.line:
            found.append(LineRange(before.address, state.address, _path(program.header, before.file), before.line))
        before = None if state.end_sequence else state
    return found


def _path(header: Any, index: int) -> str:
    """The path of a file. DWARF 5 counts files and folders from 0 (folder 0: where the compiler ran), older from 1."""
    old = header.version < 5
    file = header.file_entry[index - old]
    folders = [b"", *header.include_directory] if old else list(header.include_directory)
    parts: list[str] = [text.decode() for text in (folders[file.dir_index], file.name)]
    return posixpath.normpath(posixpath.join(*parts))
