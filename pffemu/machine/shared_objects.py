"""The shared objects that a process has mapped, found by its areas: names, lines and call frames of their code.

An object is read when something asks for an address in it: from the guest's file tree, never from a path of the host.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.tree.content import read_whole
from pffemu.arch.paging import page_of, pages_up
from pffemu.errors import ElfError
from pffemu.machine.elf import ProgramHeader, build_id, read_loads
from pffemu.machine.elf_symbols import Symbol, read_sized_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_model.files.tree.tree import Tree
    from kernel_model.mm.vma import Vma
    from kernel_model.task.task import Process
    from pffemu.machine.elf_frames import CallFrames
    from pffemu.machine.elf_lines import LineRange, LineTable

_DEBUG_FILES: Final = "/usr/lib/debug/.build-id"
_LARGEST: Final = 1 << 30  # bytes of an object


class ObjectFile:
    """An ELF file that is mapped. Addresses are the file's own."""

    def __init__(self, path: str, data: bytes, loads: list[ProgramHeader], debug: bytes) -> None:
        """`debug`: the file that has its symbols and lines; itself, if it is not stripped."""
        self.path, self._data, self._loads, self._debug = path, data, loads, debug

    @property
    def is_stripped(self) -> bool:
        """Whether its symbols and lines are in a file of their own."""
        return self._debug is not self._data

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    def address_of(self, offset: int) -> int | None:
        """The address at which byte `offset` of the file, the start of a page, is loaded."""
        for load in self._loads:
            if page_of(load.offset) <= offset < pages_up(load.offset + load.filesz):
                return page_of(load.vaddr) + offset - page_of(load.offset)
        return None

    @cached_property
    def symbols(self) -> list[Symbol]:
        """By address, of several there the name for users last; none when the table is damaged."""
        try:
            return sorted(read_sized_symbols(self._debug), key=lambda each: (each.address, each.name[:1] != "_"))
        except ValueError:
            return []

    @cached_property
    def _starts(self) -> list[int]:
        return [symbol.address for symbol in self.symbols]

    @cached_property
    def addresses(self) -> dict[str, int]:
        return {symbol.name: symbol.address for symbol in self.symbols}

    def start_below(self, address: int) -> int | None:
        """The address of the nearest symbol below `address`."""
        i = bisect_left(self._starts, address) - 1
        return self._starts[i] if i >= 0 else None

    def describe(self, address: int) -> str:
        """`malloc+0x12`, or `libc.so.6+0x8a123` between the symbols."""
        for symbol in self.symbols[: bisect_right(self._starts, address)][:-3:-1]:
            if address - symbol.address <= symbol.size:  # its end may be where its last call, to exit, returns
                return symbol.name if address == symbol.address else f"{symbol.name}+{address - symbol.address:#x}"
        return f"{self.name}+{address:#x}"

    @cached_property
    def _lines(self) -> LineTable | None:
        from pffemu.machine.elf_lines import LineTable

        try:
            return LineTable(self._debug, self.path)
        except ElfError:
            return None

    def line_at(self, address: int) -> LineRange | None:
        """The source line of `address`; None without debug information."""
        try:
            return self._lines.at(address) if self._lines is not None else None
        except ElfError:
            return None

    @cached_property
    def lines(self) -> list[LineRange]:
        """All source lines, ascending; none without debug information."""
        try:
            return self._lines.all() if self._lines is not None else []
        except ElfError:
            return []

    @cached_property
    def frames(self) -> CallFrames | None:
        from pffemu.machine.elf_frames import read_frames

        try:
            return read_frames(self._data, self.path, 0)
        except ElfError:
            return None


@dataclass(frozen=True, slots=True)
class SharedObject:
    """An object in a process, `bias` bytes above its own addresses."""

    file: ObjectFile
    bias: int

    def describe(self, address: int) -> str:
        return self.file.describe(address - self.bias)

    def start_below(self, address: int) -> int | None:
        start = self.file.start_below(address - self.bias)
        return None if start is None else start + self.bias


class SharedObjects:
    """Finds the objects of processes. A file is read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._files: dict[str, ObjectFile | None] = {}

    def at(self, process: Process, address: int, *, program: bool = False) -> SharedObject | None:
        """The object that `address` belongs to; None: none, or the program itself, unless `program` wants that, too."""
        vma = process.mm.vmas.find(address)
        if vma is not None and vma.file is None and not vma.name:  # perhaps .bss, behind the object's last file page
            below = process.mm.vmas.below(vma.start)
            vma = below if below is not None and below.end == vma.start else None
        return self._of_area(process, vma, program) if vma is not None else None

    def all(self, process: Process) -> Iterator[SharedObject]:
        """Every object once, from the highest down: in the order in which the loader mapped them."""
        seen = set()
        for vma in reversed(list(process.mm.vmas)):
            found = self._of_area(process, vma, False)
            if found is not None and found.file not in seen:
                seen.add(found.file)
                yield found

    def _of_area(self, process: Process, vma: Vma, program: bool) -> SharedObject | None:
        if vma.file is None or vma.shared or (vma.name == process.exe and not program):
            return None
        if vma.name not in self._files:
            self._files[vma.name] = self._read(vma.name)
        file = self._files[vma.name]
        address = file.address_of(vma.offset) if file is not None else None
        return SharedObject(file, vma.start - address) if file is not None and address is not None else None

    def _read(self, path: str) -> ObjectFile | None:
        try:
            data = self._content(path)
            return ObjectFile(path, data, read_loads(data, path), self._debug_of(data, path))
        except (LinuxError, ElfError):
            return None

    def _debug_of(self, data: bytes, path: str) -> bytes:
        """The separate file with symbols and lines of a stripped object, where gdb looks for it; else `data`."""
        number = build_id(data, path)
        try:
            return self._content(f"{_DEBUG_FILES}/{number[:2]}/{number[2:]}.debug") if number else data
        except LinuxError:
            return data

    def _content(self, path: str) -> bytes:
        return read_whole(self._tree.walk(None, os.fsencode(path), None), _LARGEST)
