"""The shared objects that the guest's dynamic loader has loaded, as gdb wants them (qXfer:libraries-svr4).

Read from the loader's own list in guest memory: the program's DT_DEBUG leads to r_debug, and that to the chain of
link_map (<link.h>).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from pffemu.arch.paging import PAGE_SIZE

Read = Callable[[int, int], bytes]  # address, size -> as many bytes as are mapped

_PT_PHDR, _PT_DYNAMIC = 6, 2
_DT_NULL, _DT_DEBUG = 0, 21
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")  # Elf64_Phdr
_ENTRY: Final = struct.Struct("<QQ")  # Elf64_Dyn
_LINK_MAP: Final = struct.Struct("<5Q")  # l_addr, l_name, l_ld, l_next, l_prev
_R_MAP: Final = 8  # r_debug.r_map
_MOST: Final = 4096  # objects, and entries of a dynamic section: what a damaged list may make us read
_NAME_MAX: Final = 4096


class LinkMap(NamedTuple):
    at: int
    addr: int  # the difference between addresses in memory and in the file
    name: bytes
    dynamic: int


def libraries_xml(read: Read, headers: int, count: int) -> bytes:
    """The list without the program itself. `headers`, `count`: its program headers in memory (AT_PHDR, AT_PHNUM)."""
    root = Element("library-list-svr4", version="1.0")  # lmid: the loader's namespace
    debug, chain = _debug(read, headers, count), link_maps(read, headers, count)
    if chain:
        root.set("main-lm", f"{chain[0].at:#x}")
    for each in chain[1:]:
        if each.name:
            SubElement(
                root, "library", name=each.name.decode(errors="replace"), lm=f"{each.at:#x}", l_addr=f"{each.addr:#x}",
                l_ld=f"{each.dynamic:#x}", lmid=f"{debug:#x}",
            )  # fmt: skip
    return tostring(root)


def link_maps(read: Read, headers: int, count: int) -> list[LinkMap]:
    """The loader's chain, the program first; empty before the loader has made it, and in a static program."""
    debug = _debug(read, headers, count)
    return list(_link_maps(read, debug)) if debug else []


def _link_maps(read: Read, debug: int) -> Iterator[LinkMap]:
    """`debug`: the address of r_debug."""
    at = _word(read, debug + _R_MAP)
    for _ in range(_MOST):
        data = read(at, _LINK_MAP.size) if at else b""
        if len(data) < _LINK_MAP.size:
            return
        addr, name, dynamic, following, _ = _LINK_MAP.unpack(data)
        yield LinkMap(at, addr, _string(read, name), dynamic)
        at = following


def _debug(read: Read, headers: int, count: int) -> int:
    """The address of r_debug; 0 for a static program, and before the loader has made it."""
    data = read(headers, count * _PROGRAM_HEADER.size) if headers else b""
    if len(data) < count * _PROGRAM_HEADER.size:
        return 0
    found = {fields[0]: fields[3] for fields in _PROGRAM_HEADER.iter_unpack(data)}
    if _PT_DYNAMIC not in found:
        return 0
    bias = headers - found[_PT_PHDR] if _PT_PHDR in found else 0
    at = found[_PT_DYNAMIC] + bias
    for _ in range(_MOST):
        data = read(at, _ENTRY.size)
        if len(data) < _ENTRY.size:
            return 0
        tag, value = _ENTRY.unpack(data)
        if tag in (_DT_NULL, _DT_DEBUG):
            return int(value) if tag == _DT_DEBUG else 0
        at += _ENTRY.size
    return 0


def _word(read: Read, address: int) -> int:
    return int.from_bytes(read(address, 8), "little")


def _string(read: Read, address: int) -> bytes:
    text = b""
    while b"\0" not in text and len(text) < _NAME_MAX:
        at = address + len(text)
        piece = read(at, PAGE_SIZE - at % PAGE_SIZE)
        if not piece:
            break
        text += piece
    return text.partition(b"\0")[0]
