"""Writes a minimal static ELF64 executable: file header, one PT_LOAD a segment, bytes (System V ABI, chapters 4, 5)."""

from __future__ import annotations

from collections.abc import Sequence

from pffemu.arch.paging import PAGE_SIZE, pages_up
from pffemu.asm.program import Section
from pffemu.machine.elf import EM_X86_64, ET_EXEC, FILE_HEADER, MAGIC, PF_R, PF_W, PF_X, PROGRAM_HEADER, PT_LOAD

_IDENT = MAGIC + bytes((2, 1, 1))  # 64-bit, little-endian, version 1


def static_elf(sections: Sequence[Section], entry: int) -> bytes:
    """An executable with these sections, each of which starts on a page of its own."""
    offset = pages_up(FILE_HEADER.size + len(sections) * PROGRAM_HEADER.size)
    headers, contents = [], []
    for section in sections:
        flags = PF_R | (PF_W if section.writable else 0) | (PF_X if section.executable else 0)
        size = len(section.data)
        headers.append(
            PROGRAM_HEADER.pack(PT_LOAD, flags, offset, section.address, section.address, size, section.size, PAGE_SIZE)
        )
        contents.append(section.data.ljust(pages_up(size), b"\0"))
        offset += pages_up(size)
    file_header = bytearray(
        FILE_HEADER.pack(
            ET_EXEC, EM_X86_64, 1, entry, FILE_HEADER.size, 0, 0, FILE_HEADER.size, PROGRAM_HEADER.size, len(sections),
            0, 0, 0,
        )
    )  # fmt: skip
    file_header[: len(_IDENT)] = _IDENT
    head = bytes(file_header) + b"".join(headers)
    return head.ljust(pages_up(len(head)), b"\0") + b"".join(contents)
