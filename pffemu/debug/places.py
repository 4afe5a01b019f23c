"""Places in the program as users write them: symbols, addresses, source lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kernel_model.task.task import Process
from pffemu.arch.registers import MASK64
from pffemu.debug.panes.code import SourceLine
from pffemu.debug.source_lines import SourceLines
from pffemu.errors import UsageError
from pffemu.hw.cpu import Cpu
from pffemu.inspect.nearest import nearest
from pffemu.machine.machine import Machine
from pffemu.machine.shared_objects import ObjectFile, SharedObject

_LINE: Final = re.compile(r"[0-9]{1,9}")
_SUM: Final = re.compile(r"\*?\s*([\w.$@]+)\s*(?:([+-])\s*(\w+))?")


class Places:
    """Translates places. `lines`: the program's source lines, with the folders of all texts; None: it has none."""

    def __init__(self, machine: Machine, lines: SourceLines | None = None) -> None:
        self._machine, self._lines = machine, lines
        self._program = machine.process.exe  # the one that `lines` are of
        self._lines_of_objects: dict[ObjectFile, SourceLines] = {}
        self.process: Callable[[], Process] = lambda: machine.process  # whose memory is looked at

    def address_of(self, text: str, cpu: Cpu | None = None) -> int:
        """`main`, `main+0x10`, `0x401000`, `*0x401000`, `prog.c:12`, or a register (of `cpu`) as in `rsp+8`.

        Raises UsageError.
        """
        text = text.strip()
        file, colon, line = text.rpartition(":")
        if colon and _LINE.fullmatch(line):
            return self._address_of_line(file, int(line))
        match = _SUM.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is not a place", remedy="write a symbol, an address, FILE:LINE, or symbol+8")
        base, sign, offset = match.groups()
        address = self._base(base, cpu) + (_number(offset) * (-1 if sign == "-" else 1) if sign else 0)
        return address & MASK64

    def source_of(self, address: int) -> SourceLine | None:
        """The line an address belongs to, with its text when the file is there."""
        found = self.line_at(address)
        if found is None:
            return None
        file, number = found
        texts = self._text_of(file)
        if texts and number > len(texts):
            return None  # a test's harness code, which is in no file
        return SourceLine(Path(file).name, number, texts[number - 1] if texts else "")

    def describe_line(self, address: int) -> str:
        """The line an address belongs to, as in `prog.c:12`; empty without line information."""
        line = self.source_of(address)
        return f"{line.file}:{line.number}" if line is not None else ""

    def begins_line(self, address: int) -> bool:
        """Whether the line's code begins at `address`, as opposed to a place in its middle."""
        begins = self._lines is not None and self._lines.begins_at(address)
        return begins or self.line_at(address) != self.line_at(address - 1)

    def source_around(self, address: int, above: int, below: int) -> list[tuple[SourceLine, bool]]:
        """The lines around that of an address, each with whether it is that one; none without source."""
        found = self.line_at(address)
        texts = self._text_of(found[0]) if found is not None else []
        if found is None or not 0 < found[1] <= len(texts):
            return []
        name, here = Path(found[0]).name, found[1]
        numbers = range(max(1, here - above), min(len(texts), here + below) + 1)
        return [(SourceLine(name, number, texts[number - 1]), number == here) for number in numbers]

    def file_without_text(self, address: int) -> str:
        """The source file of an address whose text is not there, or not to be read; empty where there is none."""
        found = self.line_at(address)
        return found[0] if found is not None and not self._text_of(found[0]) else ""

    def line_at(self, address: int) -> tuple[str, int] | None:
        """(file, line) of an address; None without line information."""
        process = self.process()
        runs_program = process.exe == self._program
        found = self._lines.line_of(address) if self._lines is not None and runs_program else None
        if found is not None:
            return found
        at = self._machine.objects.at(process, address, program=not runs_program)
        line = at.file.line_at(address - at.bias) if at is not None else None
        return (line.file, line.number) if line is not None else None

    def _lines_in(self, at: SharedObject) -> SourceLines:
        if at.file not in self._lines_of_objects:
            self._lines_of_objects[at.file] = SourceLines(at.file.lines)
        return self._lines_of_objects[at.file]

    def _base(self, name: str, cpu: Cpu | None) -> int:
        symbols = self._machine.symbols_of(self.process())
        if name in symbols:
            return symbols[name]
        if name[0].isdigit():
            return _number(name)
        cpu = cpu or self._machine.turns.cpu or self._machine.cpus[0]
        try:
            return cpu.registers[name]
        except (UsageError, KeyError):
            raise UsageError(f"no symbol {name!r}", remedy=nearest(name, list(symbols))) from None

    def _address_of_line(self, file: str, line: int) -> int:
        address = self._lines.address_of(file, line) if self._lines is not None else None
        if address is None:
            address = self._address_in_objects(file, line)
        if address is None:
            raise UsageError(f"no code for {file}:{line}", remedy="build the program with -g, or use a symbol")
        return address

    def _address_in_objects(self, file: str, line: int) -> int | None:
        """Of shared objects; those that a distribution has stripped, whose lines take seconds to read, come last."""
        for at in sorted(self._machine.objects.all(self.process()), key=lambda at: at.file.is_stripped):
            address = self._lines_in(at).address_of(file, line)
            if address is not None:
                return address + at.bias
        return None

    def _text_of(self, file: str) -> list[str]:
        return self._lines.text_of(file) if self._lines is not None else []


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"{text!r} is not a number", remedy="write it as 16 or 0x10") from None
