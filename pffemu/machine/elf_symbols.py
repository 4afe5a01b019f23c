"""The symbol table of an ELF64 file: .symtab and its strings (System V ABI, chapter 4).

With `struct` alone: a C library brings two thousand symbols, which every start of a program would wait for.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

_SECTION: Final = Struct("<IIQQQQIIQQ")  # Elf64_Shdr
_SYMBOL: Final = Struct("<IBBHQQ")  # Elf64_Sym
_SHT_SYMTAB: Final = 2
_LOCATED: Final = frozenset({0, 1, 2})  # STT_NOTYPE, STT_OBJECT, STT_FUNC
_NOWHERE: Final = frozenset({0, 0xFFF1, 0xFFF2})  # SHN_UNDEF, SHN_ABS, SHN_COMMON


def read_symbols(data: bytes, section_headers: int, count: int) -> dict[str, int]:
    """The named symbols that are addresses; of equal names the global one. Raises ValueError for a damaged table."""
    sections = list(_SECTION.iter_unpack(data[section_headers : section_headers + count * _SECTION.size]))
    tables = [section for section in sections if section[1] == _SHT_SYMTAB]
    if not tables:
        return {}
    _, _, _, _, offset, size, link, _, _, entry_size = tables[0]
    if entry_size != _SYMBOL.size:
        raise ValueError(f"entries of {entry_size} bytes")
    if link >= count:
        raise ValueError(f"its strings are section {link} of {count}")
    strings_at, strings_size = sections[link][4:6]
    if offset + size > len(data) or strings_at + strings_size > len(data):
        raise ValueError("it reaches beyond the end of the file")
    strings = data[strings_at : strings_at + strings_size]
    local: dict[str, int] = {}
    others: dict[str, int] = {}
    for name_at, info, _, section, value, _ in _SYMBOL.iter_unpack(data[offset : offset + size // 24 * 24]):
        if info & 0xF in _LOCATED and section not in _NOWHERE and name_at < strings_size:
            name = strings[name_at : strings.find(b"\0", name_at)].decode(errors="replace")
            if name:
                (others if info >> 4 else local)[name] = value
    return local | others
