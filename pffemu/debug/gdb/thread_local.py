"""Where a thread has an object's thread-local variables (ELF Handling For Thread-Local Storage, x86-64: variant II).

The program's block ends at the thread pointer (fs_base). Those of libraries are found by glibc's vector of blocks
(dtv), whose address is behind the thread pointer: 16 bytes for each object with a PT_TLS segment, in loading order.
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch.registers import MASK64
from pffemu.debug.gdb.libraries import LinkMap, Read, link_maps
from pffemu.machine.elf import PROGRAM_HEADER

_PT_TLS: Final = 7
_DTV_AT: Final = 8  # of the address of dtv[0], from the thread pointer
_ENTRY: Final = 16  # bytes: the block's address, and what to free
_NOT_YET: Final = (0, MASK64)  # values of an entry whose block the thread has not asked for
_PHOFF_AT, _PHNUM_AT, _ELF_HEADER = 32, 56, 64
_HEADERS_MAX: Final = 64


def block(read: Read, thread_pointer: int, headers: int, count: int, link_map: int) -> int | None:
    """The address of the block of an object, by its link_map (0: of a static program); None: there is none yet.

    `headers`, `count`: the program's headers in memory.
    """
    chain = link_maps(read, headers, count)
    program = _tls_segment(read, headers, count)
    if not thread_pointer:
        return None
    if link_map == 0 or (chain and chain[0].at == link_map):
        return None if program is None else thread_pointer - -(-program[0] // program[1]) * program[1]
    module = _module(read, chain, link_map, first=program is not None)
    if module is None:
        return None
    vector = int.from_bytes(read(thread_pointer + _DTV_AT, 8), "little")
    found = int.from_bytes(read(vector + _ENTRY * module, 8), "little")
    return None if found in _NOT_YET else found


def _module(read: Read, chain: list[LinkMap], link_map: int, *, first: bool) -> int | None:
    """The number of an object, from 1, among those with thread-local storage. `first`: the program has some."""
    number = int(first)
    for each in chain[1:]:
        header = read(each.addr, _ELF_HEADER)
        if len(header) < _ELF_HEADER:
            continue
        (offset,), (count,) = struct.unpack_from("<Q", header, _PHOFF_AT), struct.unpack_from("<H", header, _PHNUM_AT)
        has_any = _tls_segment(read, each.addr + offset, min(count, _HEADERS_MAX)) is not None
        number += has_any
        if each.at == link_map:
            return number if has_any else None
    return None


def _tls_segment(read: Read, headers: int, count: int) -> tuple[int, int] | None:
    """Bytes in memory and alignment of PT_TLS."""
    data = read(headers, count * PROGRAM_HEADER.size) if headers else b""
    if len(data) < count * PROGRAM_HEADER.size:
        return None
    for kind, _, _, _, _, _, size, alignment in PROGRAM_HEADER.iter_unpack(data):
        if kind == _PT_TLS:
            return size, max(1, alignment)
    return None
