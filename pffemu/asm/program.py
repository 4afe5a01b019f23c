"""An assembled program: sections of bytes at addresses, symbols, and the bytes of each source line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BYTES_PER_LISTING_LINE: Final = 12


@dataclass(frozen=True, slots=True)
class Section:
    """Contiguous memory. `size` exceeds `len(data)` for .bss, whose bytes are all zero."""

    name: str
    address: int
    data: bytes
    size: int
    writable: bool
    executable: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A source line that produced bytes (or, in .bss, reserved them)."""

    address: int
    file: str
    number: int
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Program:
    """An assembled source text, laid out from `base`: .text, .rodata, .data, .bss, each on its own page."""

    base: int
    sections: tuple[Section, ...]
    symbols: dict[str, int]
    lines: tuple[Line, ...]

    @property
    def code(self) -> bytes:
        return next((section.data for section in self.sections if section.name == ".text"), b"")

    @property
    def entry(self) -> int:
        return self.symbols.get("_start", self.base)


def listing(program: Program) -> str:
    """Address, bytes, file:line and source text of every line, with the labels in between."""
    labels = dict[int, list[str]]()
    for name, address in program.symbols.items():
        labels.setdefault(address, []).append(name)
    rows = []
    for section in program.sections:
        rows.append(f"{section.name} at {section.address:#x}, {section.size} bytes")
        for line in program.lines:
            if section.address <= line.address < section.address + section.size:
                rows += [f"{name}:" for name in labels.pop(line.address, [])]
                rows.append(_row(section, line))
    return "\n".join(rows) + "\n" if rows else ""


def _row(section: Section, line: Line) -> str:
    start = line.address - section.address
    shown = section.data[start : start + line.size]
    dots = ".." if len(shown) > BYTES_PER_LISTING_LINE else ""
    code = shown[:BYTES_PER_LISTING_LINE].hex() + dots
    width = 2 * BYTES_PER_LISTING_LINE + 2
    return f"{line.address:#10x}  {code:<{width}}  {line.file}:{line.number:<5} {line.text.strip()}"
