"""Source lines of code addresses: DWARF's line table (DWARF 5, section 6.2), read by pyelftools."""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from typing import Any, Final, NamedTuple

from elftools.elf.elffile import ELFFile

from pffemu.errors import ElfError

_MOST: Final = 1 << 22  # ranges of a file
_PROGRAM_MAX: Final = 1 << 22  # bytes of a unit's line number program, each of which may make a row
_INFLATED_MAX: Final = 64  # bytes of compressed sections, as a multiple of the file's size


class LineRange(NamedTuple):
    """Code at [start, end) comes from line `number` of `file`, a path as the compiler was given it."""

    start: int
    end: int
    file: str
    number: int


def debug_information(data: bytes) -> Any:
    """pyelftools' DWARFInfo of an ELF file; None: it was built without -g. Raises nearly anything for a damaged one.

    ValueError: its compressed sections would not fit its size.
    """
    elf = ELFFile(BytesIO(data))
    if sum(section.data_size for section in elf.iter_sections() if section.compressed) > _INFLATED_MAX * len(data):
        raise ValueError("its compressed sections are too large")
    return elf.get_dwarf_info() if elf.has_dwarf_info() else None


@contextmanager
def damaged(what: str, name: str, remedy: str = "build the file again") -> Iterator[None]:
    """Raise an ElfError about `what` of the file `name` for whatever goes wrong inside."""
    try:
        yield
    except Exception as error:  # elftools promises ELFError, but malformed tables make it raise nearly anything
        why = str(error) or type(error).__name__
        raise ElfError(f"the {what} is damaged: {why}", where=name, remedy=remedy) from None


def read_lines(data: bytes, name: str) -> list[LineRange]:
    """Every range of an ELF file, ascending; none when it was built without -g. Raises ElfError for a damaged table."""
    return LineTable(data, name).all()


class LineTable:
    """The line table of an ELF file; empty when it was built without -g. Methods raise ElfError for damaged ones."""

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        self._units: dict[int, list[LineRange]] = {}  # those that were asked for, by their offset in .debug_info
        self._all: list[LineRange] | None = None
        with self._damaged():
            self._dwarf = debug_information(data)
            self._aranges = self._dwarf.get_aranges() if self._dwarf is not None else None

    def at(self, address: int) -> LineRange | None:
        """The range that holds `address`. Only its unit is read where the file has .debug_aranges (gcc writes them)."""
        ranges = self._unit_at(address) or self.all()
        i = bisect_right(ranges, address, key=lambda line: line.start) - 1
        return ranges[i] if i >= 0 and address < ranges[i].end else None

    def all(self) -> list[LineRange]:
        """Every range, ascending."""
        if self._all is None:
            dwarf = self._dwarf
            with self._damaged():
                units = dwarf.iter_CUs() if dwarf is not None else ()
                found: list[LineRange] = []
                for unit in units:
                    found += _of_unit(dwarf, unit)
                    if len(found) > _MOST:
                        raise ValueError(f"more than {_MOST:,} lines")
                self._all = sorted(found)
        return self._all

    def _unit_at(self, address: int) -> list[LineRange] | None:
        if self._aranges is None or self._dwarf is None or self._all is not None:
            return None
        with self._damaged():
            offset = self._aranges.cu_offset_at_addr(address)
            if offset is None:
                return None
            if offset not in self._units:
                self._units[offset] = sorted(_of_unit(self._dwarf, self._dwarf.get_CU_at(offset)))
            return self._units[offset]

    def _damaged(self) -> AbstractContextManager[None]:
        return damaged("line table", self._name)


def _of_unit(dwarf: Any, unit: Any) -> list[LineRange]:
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return []
    if program.header.unit_length > _PROGRAM_MAX:
        raise ValueError("a line program that long")
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
