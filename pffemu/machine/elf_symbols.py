"""The symbol table of an ELF64 file, .symtab or, in a stripped one, .dynsym (System V ABI, chapter 4).

With `struct` alone: a C library brings two thousand symbols, which every start of a program would wait for.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

_SECTION: Final = Struct("<IIQQQQIIQQ")  # Elf64_Shdr
_SYMBOL: Final = Struct("<IBBHQQ")  # Elf64_Sym
_SHT_SYMTAB, _SHT_DYNSYM = 2, 11
_HEADER: Final = Struct("<40xQ12xH")  # Elf64_Ehdr: e_shoff, e_shnum
_LOCATED: Final = frozenset({0, 1, 2})  # STT_NOTYPE, STT_OBJECT, STT_FUNC
_NAME_MAX: Final = 1 << 16  # bytes
_MOST: Final = 1 << 20  # symbols
_NOWHERE: Final = frozenset({0, 0xFFF1, 0xFFF2})  # SHN_UNDEF, SHN_ABS, SHN_COMMON


class Symbol(NamedTuple):
    """A named address. `size`: bytes of the function or object there; 0: unknown."""

    name: str
    address: int
    size: int


def read_symbols(data: bytes, section_headers: int, count: int) -> dict[str, int]:
    """The named symbols that are addresses; of equal names the global one. Raises ValueError for a damaged table."""
    return {symbol.name: symbol.address for symbol in _symbols(data, section_headers, count)}


def read_sized_symbols(data: bytes) -> list[Symbol]:
    """The same of a whole file, with sizes. Raises ValueError."""
    if len(data) < _HEADER.size:
        raise ValueError("no header")
    return _symbols(data, *_HEADER.unpack_from(data))


def _symbols(data: bytes, section_headers: int, count: int) -> list[Symbol]:
    if section_headers + count * _SECTION.size > len(data):
        raise ValueError("the section headers reach beyond the end of the file")
    sections = list(_SECTION.iter_unpack(data[section_headers : section_headers + count * _SECTION.size]))
    tables = [section for kind in (_SHT_SYMTAB, _SHT_DYNSYM) for section in sections if section[1] == kind]
    if not tables:
        return []
    _, _, _, _, offset, size, link, _, _, entry_size = tables[0]
    if entry_size != _SYMBOL.size:
        raise ValueError(f"entries of {entry_size} bytes")
    if link >= count:
        raise ValueError(f"its strings are section {link} of {count}")
    strings_at, strings_size = sections[link][4:6]
    if offset + size > len(data) or strings_at + strings_size > len(data):
        raise ValueError("it reaches beyond the end of the file")
    if size // _SYMBOL.size > _MOST:
        raise ValueError(f"more than {_MOST:,} symbols")
    strings = data[strings_at : strings_at + strings_size]
    room = 4 * len(data)  # linkers let a name be the end of another one: all names may be longer than the strings
    local: dict[str, Symbol] = {}
    others: dict[str, Symbol] = {}
    for name_at, info, _, section, value, length in _SYMBOL.iter_unpack(data[offset : offset + size // 24 * 24]):
        if info & 0xF in _LOCATED and section not in _NOWHERE and name_at < strings_size:
            end = strings.find(b"\0", name_at, name_at + _NAME_MAX)
            room -= end - name_at
            if end < 0 or room < 0:
                raise ValueError("a name has no end" if end < 0 else "its names are longer than the file")
            name = strings[name_at:end].decode(errors="replace").partition("@")[0]
            if name:
                (others if info >> 4 else local)[name] = Symbol(name, value, length)
    return list((local | others).values())
