"""An ELF file with the symbols and source lines of a program in assembly, for debuggers that read nothing else.

Sections, .symtab, and DWARF 3 with one compilation unit (System V ABI, chapter 4; DWARF 3, 6.2 and 7.5). It is what
`as -g` and a linker would make; the guest is not loaded from it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from pffemu.arch.paging import PAGE_SIZE, pages_up
from pffemu.asm import Program
from pffemu.asm.program import Line, Section
from pffemu.machine.elf import (
    EM_X86_64,
    ET_EXEC,
    FILE_HEADER,
    MAGIC,
    PF_R,
    PF_W,
    PF_X,
    PROGRAM_HEADER,
    PT_LOAD,
    SECTION_HEADER_SIZE,
)

_IDENT: Final = MAGIC + bytes((2, 1, 1))  # 64-bit, little-endian, version 1
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")  # Elf64_Shdr
_SYMBOL: Final = struct.Struct("<IBBHQQ")  # Elf64_Sym
_PROGBITS, _SYMTAB, _STRTAB, _NOBITS = 1, 2, 3, 8
_WRITE, _ALLOC, _EXEC = 1, 2, 4
_FUNCTION, _OBJECT, _NO_TYPE = 0x12, 0x11, 0x10  # global symbols (STB_GLOBAL << 4 | STT_*)
_ABSOLUTE: Final = 0xFFF1
_COMPILE_UNIT: Final = bytes.fromhex("01 11 00  10 06  11 01  12 01  03 08  1b 08  25 08  13 05  00 00  00")
_ASSEMBLER: Final = 0x8001  # DW_LANG_Mips_Assembler, which every assembler says
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE = b"\x01", b"\x02", b"\x03", b"\x04"
_END, _SET_ADDRESS = b"\0\x01\x01", b"\0\x09\x02"
_OPERANDS: Final = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1))  # of the standard opcodes


class _Part(NamedTuple):
    """A section of the file."""

    name: str
    kind: int
    flags: int
    address: int
    size: int
    data: bytes
    link: int = 0
    info: int = 0
    entry: int = 0


def symbol_file(program: Program, path: Path) -> bytes:
    """`path`: the source file; those of its `.include`s are named relative to where pffemu was started."""
    parts = [_part(section) for section in program.sections]
    strings, symbols = _symbols(program)
    parts.append(_Part(".symtab", _SYMTAB, 0, 0, len(symbols), symbols, len(parts) + 2, 1, _SYMBOL.size))
    code = [section for section in program.sections if section.executable]
    debug = [(".strtab", _STRTAB, strings)]
    if code:
        debug += [
            (".debug_abbrev", _PROGBITS, _COMPILE_UNIT), (".debug_info", _PROGBITS, _unit(code, path)),
            (".debug_line", _PROGBITS, _line_program(code, program.lines)),
        ]  # fmt: skip
    parts += [_Part(name, kind, 0, 0, len(data), data) for name, kind, data in debug]
    names = _names(parts)
    parts.append(_Part(".shstrtab", _STRTAB, 0, 0, len(names), names))
    return _file(parts, names, program.entry)


def _file(parts: list[_Part], names: bytes, entry: int) -> bytes:
    loaded = [part for part in parts if part.flags & _ALLOC]
    offset = pages_up(FILE_HEADER.size + len(loaded) * PROGRAM_HEADER.size)
    segments, headers, contents = [], [bytes(SECTION_HEADER_SIZE)], []
    for part in parts:
        if part in loaded:
            rights = PF_R | (PF_W if part.flags & _WRITE else 0) | (PF_X if part.flags & _EXEC else 0)
            where = (offset, part.address, part.address)
            segments.append(PROGRAM_HEADER.pack(PT_LOAD, rights, *where, len(part.data), part.size, PAGE_SIZE))
        headers.append(
            _SECTION.pack(
                names.index(b"\0" + part.name.encode() + b"\0") + 1, part.kind, part.flags, part.address, offset,
                part.size, part.link, part.info, 1, part.entry,
            )
        )  # fmt: skip
        contents.append(part.data.ljust(pages_up(len(part.data)), b"\0"))
        offset += pages_up(len(part.data))
    head = bytearray(
        FILE_HEADER.pack(
            ET_EXEC, EM_X86_64, 1, entry, FILE_HEADER.size, offset, 0, FILE_HEADER.size, PROGRAM_HEADER.size,
            len(segments), SECTION_HEADER_SIZE, len(headers), len(headers) - 1,
        )
    )  # fmt: skip
    head[: len(_IDENT)] = _IDENT
    start = bytes(head) + b"".join(segments)
    return start.ljust(pages_up(len(start)), b"\0") + b"".join(contents) + b"".join(headers)


def _part(section: Section) -> _Part:
    flags = _ALLOC | (_WRITE if section.writable else 0) | (_EXEC if section.executable else 0)
    kind = _NOBITS if section.size and not section.data else _PROGBITS
    size = section.size if kind == _NOBITS else len(section.data)
    return _Part(section.name, kind, flags, section.address, size, section.data)


def _names(parts: list[_Part]) -> bytes:
    return b"\0" + b"".join(part.name.encode() + b"\0" for part in parts) + b".shstrtab\0"


def _symbols(program: Program) -> tuple[bytes, bytes]:
    """(.strtab, .symtab). A label reaches up to the next one, or its section's end."""
    strings, symbols = bytearray(b"\0"), bytearray(_SYMBOL.size)
    addresses = sorted({*program.symbols.values()})
    following = dict(pairwise(addresses))
    for name, address in sorted(program.symbols.items(), key=lambda item: item[1]):
        places = enumerate(program.sections, 1)
        here = ((i, each) for i, each in places if each.address <= address < each.address + each.size)
        number, section = next(here, (_ABSOLUTE, None))
        end = section.address + section.size if section is not None else address
        kind = _NO_TYPE if section is None else _FUNCTION if section.executable else _OBJECT
        size = min(following.get(address, end), end) - address
        symbols += _SYMBOL.pack(len(strings), kind, 0, number, address, size)
        strings += name.encode() + b"\0"
    return bytes(strings), bytes(symbols)


# -- DWARF ----------------------------------------------------------------------------------------------------------


def _unit(code: list[Section], path: Path) -> bytes:
    start, end = min(each.address for each in code), max(each.address + each.size for each in code)
    words = b"".join(os_name + b"\0" for os_name in (_file_name(path), _file_name(Path.cwd()), b"pffemu"))
    body = struct.pack("<HIBBIQQ", 3, 0, 8, 1, 0, start, end) + words + struct.pack("<H", _ASSEMBLER)
    return struct.pack("<I", len(body)) + body


def _line_program(code: list[Section], lines: Iterable[Line]) -> bytes:
    """.debug_line: one sequence for each section of code."""
    files = dict.fromkeys(line.file for line in lines)
    numbers = {file: i for i, file in enumerate(files, 1)}
    program = b"".join(_sequence(section, lines, numbers) for section in code)
    names = b"".join(_file_name(Path(file)) + b"\0\0\0\0" for file in files) + b"\0"
    head = struct.pack("<BBbBB", 1, 1, 0, 1, 1 + len(_OPERANDS)) + _OPERANDS + b"\0" + names
    body = struct.pack("<HI", 3, len(head)) + head + program
    return struct.pack("<I", len(body)) + body


def _sequence(section: Section, lines: Iterable[Line], numbers: dict[str, int]) -> bytes:
    end = section.address + section.size
    found = [line for line in lines if line.size and section.address <= line.address < end]
    at, file, number = section.address, 1, 1
    done = bytearray(_SET_ADDRESS + struct.pack("<Q", at))
    for line in sorted(found, key=lambda line: line.address):
        if numbers[line.file] != file:
            file = numbers[line.file]
            done += _SET_FILE + _unsigned(file)
        done += _ADVANCE_PC + _unsigned(line.address - at) + _ADVANCE_LINE + _signed(line.number - number) + _COPY
        at, number = line.address, line.number
    return bytes(done + _ADVANCE_PC + _unsigned(end - at) + _END)


def _file_name(path: Path) -> bytes:
    return str(path.absolute()).encode("utf-8", "surrogateescape").replace(b"\0", b"")


def _unsigned(value: int) -> bytes:
    """ULEB128."""
    done = bytearray()
    while value > 0x7F:
        done.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*done, value))


def _signed(value: int) -> bytes:
    """SLEB128."""
    done = bytearray()
    while not -0x40 <= value < 0x40:
        done.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*done, value & 0x7F))
