"""Source text to `Program`: read, lay out, check, encode with keystone, read back, fill in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pffemu.asm import lint, readback
from pffemu.asm.data_directives import MOST_SPACE, Data
from pffemu.asm.encoder import Encoded, encode
from pffemu.asm.expansion import read
from pffemu.asm.layout import BSS, SECTIONS, TEXT, Layout, lay_out
from pffemu.asm.program import Line, Program, Section
from pffemu.asm.source import Statement, blame
from pffemu.asm.written import Written, read_instruction
from pffemu.errors import AssemblyError


def assemble(
    source: str,
    *,
    file: str = "<string>",
    base: int = 0x400000,
    defines: Mapping[str, int] | None = None,
    include_dirs: Sequence[Path] = (),
) -> Program:
    """Assemble Intel-syntax source. `defines` are names with values, as if by .equ before the first line."""
    if not 0 <= base < MOST_SPACE:
        raise AssemblyError(f"base address {base:#x} is out of range", where=file, remedy="use one below 2^46")
    layout = lay_out(read(source, file, include_dirs, defines), defines or {})
    instructions = _instructions(layout)
    encoded = encode(layout, instructions, base)
    _read_back(layout, instructions, encoded, base)
    contents = _fill_data(layout, encoded, base)
    return Program(
        base=base,
        sections=_sections(layout, encoded, contents, base),
        symbols=_symbols(layout, encoded),
        lines=tuple(_lines(layout, encoded)),
    )


def _instructions(layout: Layout) -> dict[int, Written]:
    """Every instruction of .text, parsed and checked (lint.py), by statement number."""
    instructions = dict[int, Written]()
    for number in layout.text:
        statement = layout.statements[number]
        try:
            if statement.after_semicolon:
                lint.check_semicolon(statement, layout.names(number))
            if _is_instruction(statement):
                lint.check_word(statement)
                written = read_instruction(number, statement, layout.names(number))
                lint.check_instruction(written)
                instructions[number] = written
        except AssemblyError as error:
            raise blame(error, statement.place) from None
    return instructions


def _is_instruction(statement: Statement) -> bool:
    return statement.word not in (":", "=") and not statement.word.startswith(".")


def _read_back(layout: Layout, instructions: Mapping[int, Written], encoded: Encoded, base: int) -> None:
    for number, written in instructions.items():
        address = encoded.addresses[number]
        code = bytes(encoded.code[address - base : encoded.ends[number] - base])
        try:
            readback.check(written, code, address, encoded.addresses)
        except AssemblyError as error:
            raise blame(error, layout.statements[number].place) from None


def _fill_data(layout: Layout, encoded: Encoded, base: int) -> dict[str, bytearray]:
    """Contents of the sections, with data directives written into them."""
    contents = {name: bytearray(0 if layout.kinds[name] == BSS else size) for name, size in layout.sizes.items()}
    contents[TEXT] = encoded.code
    for number, item in layout.data.items():
        section, offset = layout.places.get(number, (TEXT, encoded.addresses[number] - base))
        if layout.kinds[section] == BSS or not isinstance(item, Data):
            continue
        try:
            contents[section][offset : offset + item.size] = item.encode(encoded.addresses)
        except AssemblyError as error:
            raise blame(error, layout.statements[number].place) from None
    return contents


def _sections(layout: Layout, encoded: Encoded, contents: Mapping[str, bytearray], base: int) -> tuple[Section, ...]:
    """The sections that are not empty, each joined from all source sections of its kind."""
    sections = [Section(TEXT, base, bytes(contents[TEXT]), len(encoded.code), False, True)] if encoded.code else []
    for kind in SECTIONS[1:]:
        parts = [name for name in layout.of_kind(kind) if layout.sizes[name]]
        if parts:
            start, data = encoded.addresses[parts[0]], bytearray()
            for name in parts:
                data += bytes(encoded.addresses[name] - start - len(data)) if kind != BSS else b""
                data += contents[name]
            size = encoded.addresses[parts[-1]] + layout.sizes[parts[-1]] - start
            sections.append(Section(kind, start, bytes(data), size, kind in (".data", BSS), False))
    return tuple(sections)


def _symbols(layout: Layout, encoded: Encoded) -> dict[str, int]:
    """Addresses of the labels; numeric ones have no name outside their file."""
    return {name: encoded.addresses[number] for name, number in layout.labels.items() if not name[0].isdigit()}


def _lines(layout: Layout, encoded: Encoded) -> list[Line]:
    """Lines that produced bytes, by address."""
    lines = []
    for number in (*layout.text, *layout.places):
        address, place = encoded.addresses[number], layout.statements[number].place
        item = layout.data.get(number)
        size = encoded.ends[number] - address if number in encoded.ends else item.size if isinstance(item, Data) else 0
        if size:
            lines.append(Line(address, place.file, place.number, place.text, size))
    return sorted(lines, key=lambda line: line.address)
