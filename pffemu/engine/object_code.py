"""Places an ELF object file in memory, as a linker does (System V ABI, AMD64 supplement, 4.4: relocations)."""

from __future__ import annotations

import ctypes
import mmap
import struct
from typing import Final, NamedTuple

from pffemu.arch.registers import MASK64

_PROGBITS, _RELA, _NOBITS, _SYMTAB = 1, 4, 8, 2  # types of sections
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4  # flags of sections
_R_64, _R_PC32, _R_PLT32 = 1, 2, 4  # types of relocations
_PROT_READ, _PROT_EXEC = 1, 4
_RET: Final = b"\xc3"
# what numba's code names, but calls only for arrays that own their memory: hooks have none
_NEVER_CALLED: Final = frozenset({"NRT_MemInfo_call_dtor"})


class NotPlaceable(Exception):
    """Why an object file is not one of those that this file can place."""


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int


_placed: list[mmap.mmap] = []  # for as long as the process lives


def place(octets: bytes, symbol: str) -> int:
    """The address of the function `symbol`. Raises NotPlaceable."""
    try:
        return _place(octets, symbol)
    except (struct.error, IndexError, ValueError, OSError) as error:
        raise NotPlaceable(str(error)) from error


def _place(octets: bytes, symbol: str) -> int:
    if octets[:6] != b"\x7fELF\2\1" or struct.unpack_from("<HH", octets, 16) != (1, 62):
        raise NotPlaceable("no relocatable object file for x86-64")
    (table,), (count,) = struct.unpack_from("<Q", octets, 40), struct.unpack_from("<H", octets, 60)
    sections = [_Section(*struct.unpack_from("<IIQQQQIIQQ", octets, table + 64 * number)) for number in range(count)]
    symbols = _symbols(octets, sections)
    places, size = _layout(sections)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:1] = _RET
    view = ctypes.c_char.from_buffer(memory)
    base = ctypes.addressof(view)
    for number, at in places.items():
        section = sections[number]
        if section.kind == _PROGBITS:
            memory[at : at + section.size] = octets[section.offset : section.offset + section.size]
    addresses = _addresses(symbols, places, base)
    for section in sections:
        if section.kind == _RELA and section.info in places:
            for at in range(section.offset, section.offset + section.size, 24):
                _relocate(memory, base, places[section.info], struct.unpack_from("<QQq", octets, at), addresses)
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(base), ctypes.c_size_t(size), _PROT_READ | _PROT_EXEC):
        raise NotPlaceable("the host allows no new code")
    del view
    _placed.append(memory)
    return addresses[[found.name for found in symbols].index(symbol)]


def _symbols(octets: bytes, sections: list[_Section]) -> list[_Symbol]:
    table = next(section for section in sections if section.kind == _SYMTAB)
    names = sections[table.link].offset
    found = []
    for at in range(table.offset, table.offset + table.size, 24):
        name, _, section, value = struct.unpack_from("<IHHQ", octets, at)
        found.append(_Symbol(octets[names + name : octets.index(b"\0", names + name)].decode(), section, value))
    return found


def _layout(sections: list[_Section]) -> tuple[dict[int, int], int]:
    """(offset of each section that is needed, bytes in all). Unwind tables are left out: no exception passes a hook."""
    places, end = {}, 16
    for number, section in enumerate(sections):
        if section.flags & _ALLOC and section.kind in (_PROGBITS, _NOBITS) and section.size:
            if section.flags & _WRITE:
                raise NotPlaceable("it has data of its own")
            end = -(-end // max(1, section.alignment)) * max(1, section.alignment)
            places[number] = end
            end += section.size
    return places, -(-end // mmap.PAGESIZE) * mmap.PAGESIZE


def _addresses(symbols: list[_Symbol], places: dict[int, int], base: int) -> list[int]:
    """The address of each symbol; 0: it has none."""
    addresses = []
    for symbol in symbols:
        if symbol.section in places:
            addresses.append(base + places[symbol.section] + symbol.value)
        elif symbol.section == 0 and symbol.name in _NEVER_CALLED:
            addresses.append(base)  # returns at once
        else:
            addresses.append(0)
    return addresses


def _relocate(memory: mmap.mmap, base: int, section: int, entry: tuple[int, int, int], addresses: list[int]) -> None:
    """Resolve one relocation: S + A, or S + A - P."""
    offset, info, addend = entry
    address = addresses[info >> 32]
    if not address:
        raise NotPlaceable("it names what is not in it")
    at, kind = section + offset, info & 0xFFFF_FFFF
    if kind == _R_64:
        struct.pack_into("<Q", memory, at, address + addend & MASK64)
    elif kind in (_R_PC32, _R_PLT32):
        struct.pack_into("<i", memory, at, address + addend - (base + at))
    else:
        raise NotPlaceable(f"a relocation of type {kind}")
