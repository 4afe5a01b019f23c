"""Reads ELF64 executables: what the loader maps, where it starts, what its symbols are called.

    System V ABI, chapter 4 (object files) and 5 (program loading); AMD64 supplement; Linux: fs/binfmt_elf.c

Headers are checked here with `struct`, so that a refusal can say exactly what is wrong. Whatever the bytes are, the
only exception that leaves this file is ElfError. A PIE is moved as a whole and relocates itself, or its interpreter
(ld.so) does. Two segments may share a page, as `ld -N` makes them; the loader decides which rights the page then has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from kernel_model.abi.files import PATH_MAX
from kernel_model.mm.vma import MMAP_TOP
from pffemu.arch.paging import PAGE_SIZE, USER_END, page_of, pages_up
from pffemu.errors import ElfError
from pffemu.machine.elf_symbols import read_symbols

USER_START: Final = 0x1000  # the lowest page stays unmapped (Linux: mmap_min_addr)
MEMORY_LIMIT: Final = 64 << 30  # bytes of all segments together; more is a damaged header, not a program

MAGIC: Final = b"\x7fELF"
CLASS_64, LITTLE_ENDIAN = 2, 1
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
EM_X86_64 = 62
MACHINES: Final = {3: "i386", 40: "ARM", 183: "AArch64", 243: "RISC-V"}
PT_LOAD, PT_INTERP, PT_NOTE = 1, 3, 4
NT_GNU_BUILD_ID: Final = 3
NOTES_MAX: Final = 1 << 16  # bytes of all PT_NOTE together
_MOST_COPIES: Final = 4  # bytes of all segments' contents, as a multiple of the file's size
DYN_BASE: Final = 0x5555_5555_4000  # ELF_ET_DYN_BASE: where a PIE with an interpreter lies
PT_GNU_STACK: Final = 0x6474_E551  # its flags are the rights of the stack
PF_X, PF_W, PF_R = 1, 2, 4

FILE_HEADER: Final = Struct("<16xHHIQQQIHHHHHH")
PROGRAM_HEADER: Final = Struct("<IIQQQQQQ")
NOTE_HEADER: Final = Struct("<III")  # Elf64_Nhdr: sizes of name and contents, type
SECTION_HEADER_SIZE: Final = 64  # bytes

LINK: Final = "link it as a program (gcc prog.c -o prog)"
REBUILD: Final = "the file is damaged or was cut off: build or copy it again"


@dataclass(frozen=True, slots=True)
class Segment:
    """One PT_LOAD, in bytes, not page aligned. Memory beyond `data` is zero."""

    address: int
    memory_size: int
    data: bytes
    readable: bool
    writable: bool
    executable: bool
    offset: int = field(default=0, compare=False)  # of `data` in the file; congruent with `address`, page by page

    @property
    def end(self) -> int:
        return self.address + self.memory_size


@dataclass(frozen=True, slots=True)
class ElfImage:
    """A program ready to be mapped: segments in ascending order, and its headers for the auxiliary vector."""

    entry: int
    segments: tuple[Segment, ...]
    symbols: dict[str, int]
    phdr_address: int  # AT_PHDR; 0 where no segment holds the program headers
    phent: int  # AT_PHENT, bytes
    phnum: int  # AT_PHNUM
    bias: int = 0  # bytes that a PIE was moved by
    executable_stack: bool = False
    interpreter: bytes = b""  # path of the program that loads it (PT_INTERP: ld.so)


class FileHeader(NamedTuple):
    """The fields of Elf64_Ehdr behind e_ident, in its order."""

    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class ProgramHeader(NamedTuple):
    """The fields of Elf64_Phdr, in its order."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int


def read_elf(data: bytes, name: str) -> ElfImage:
    """The program in the file contents `data`; `name` is what errors call it."""
    header = _file_header(data, name)
    programs = _program_headers(data, header, name)
    _refuse_other_kinds(header, name)
    interpreter = _interpreter(data, programs, name)
    bias = _bias(programs) if header.type == ET_DYN else 0
    header = header._replace(entry=header.entry + bias)
    programs = [program._replace(vaddr=program.vaddr + bias) for program in programs]
    segments = _segments(data, programs, name)
    if not any(segment.executable and segment.address <= header.entry < segment.end for segment in segments):
        raise ElfError(
            f"the entry point {header.entry:#x} is in no executable segment",
            where=name,
            remedy="define a global _start in .text, or name the entry with ld -e",
        )
    return ElfImage(
        entry=header.entry,
        segments=segments,
        symbols={symbol: address + bias for symbol, address in _symbols(data, header, name).items()},
        phdr_address=_phdr_address(header, programs),
        phent=header.phentsize,
        phnum=header.phnum,
        bias=bias,
        executable_stack=any(program.type == PT_GNU_STACK and program.flags & PF_X for program in programs),
        interpreter=interpreter,
    )


def load_bias(data: bytes, name: str) -> int:
    """Bytes that `read_elf` moves the program by: not 0 for a PIE. Raises ElfError."""
    header = _file_header(data, name)
    return _bias(_program_headers(data, header, name)) if header.type == ET_DYN else 0


def read_loads(data: bytes, name: str) -> list[ProgramHeader]:
    """The PT_LOAD headers of an executable or shared object, as they are in the file. Raises ElfError."""
    header = _file_header(data, name)
    return [program for program in _program_headers(data, header, name) if program.type == PT_LOAD]


def build_id(data: bytes, name: str) -> str:
    """The build ID in hexadecimal; empty when the file has none. Raises ElfError."""
    room = NOTES_MAX
    for program in _program_headers(data, _file_header(data, name), name):
        if program.type != PT_NOTE:
            continue
        at, end = program.offset, min(program.offset + min(program.filesz, room), len(data))
        room -= min(program.filesz, room)
        while at + NOTE_HEADER.size <= end:
            name_size, size, kind = NOTE_HEADER.unpack_from(data, at)
            start = at + NOTE_HEADER.size + (name_size + 3) // 4 * 4
            if kind == NT_GNU_BUILD_ID and data.startswith(b"GNU\0", at + NOTE_HEADER.size):
                return data[start : start + min(size, NOTES_MAX)].hex()
            at = start + (size + 3) // 4 * 4
    return ""


def _file_header(data: bytes, name: str) -> FileHeader:
    """The file header of a 64-bit little-endian x86-64 file."""
    if data[:4] != MAGIC:
        raise ElfError(
            "not an ELF file" if data else "the file is empty",
            where=name,
            remedy="give an ELF64 executable, or assembly source named *.s or *.asm",
        )
    if len(data) > 4 and data[4] != CLASS_64:
        raise ElfError("a 32-bit ELF, not a 64-bit one", where=name, remedy="compile and link with -m64")
    if len(data) > 5 and data[5] != LITTLE_ENDIAN:
        raise ElfError("a big-endian ELF, not one for x86-64", where=name, remedy="build it for x86-64")
    _require(data, 0, FILE_HEADER.size, "file header", name)
    header = FileHeader._make(FILE_HEADER.unpack_from(data))
    if header.machine != EM_X86_64:
        machine = MACHINES.get(header.machine, f"machine {header.machine}")
        raise ElfError(f"an ELF for {machine}, not for x86-64", where=name, remedy="build it for x86-64")
    return header


def _program_headers(data: bytes, header: FileHeader, name: str) -> list[ProgramHeader]:
    if header.phnum and header.phentsize != PROGRAM_HEADER.size:
        raise ElfError(
            f"program headers of {header.phentsize} bytes instead of {PROGRAM_HEADER.size}", where=name, remedy=REBUILD
        )
    size = header.phnum * PROGRAM_HEADER.size
    _require(data, header.phoff, size, "program headers", name)
    return [
        ProgramHeader._make(fields) for fields in PROGRAM_HEADER.iter_unpack(data[header.phoff : header.phoff + size])
    ]


def _refuse_other_kinds(header: FileHeader, name: str) -> None:
    """Only executables and shared objects pass."""
    if header.type == ET_REL:
        raise ElfError("a relocatable object file, not a linked program", where=name, remedy=LINK)
    if header.type not in (ET_EXEC, ET_DYN):
        raise ElfError(f"ELF type {header.type} is not an executable", where=name, remedy=LINK)


def _interpreter(data: bytes, programs: list[ProgramHeader], name: str) -> bytes:
    """The path in PT_INTERP, the first if there are more; empty: the program needs no interpreter."""
    program = next((program for program in programs if program.type == PT_INTERP), None)
    if program is None:
        return b""
    _require(data, program.offset, program.filesz, "interpreter's path", name)
    path = data[program.offset : program.offset + program.filesz]
    if not 2 <= len(path) <= PATH_MAX or path[-1]:
        raise ElfError("the interpreter's path (PT_INTERP) is not a path", where=name, remedy=REBUILD)
    return path.partition(b"\0")[0]


def _bias(programs: list[ProgramHeader]) -> int:
    """How far a PIE is moved: high, as mmap would put it, or to DYN_BASE when an interpreter will come.

    Linux: load_elf_binary, without ASLR.
    """
    loads = [program for program in programs if program.type == PT_LOAD]
    end = max((program.vaddr + program.memsz for program in loads), default=0)
    if end > MEMORY_LIMIT:
        return 0  # `_segments` refuses it for its size or addresses
    align = max((program.align for program in loads), default=PAGE_SIZE)
    align = align if PAGE_SIZE <= align <= MEMORY_LIMIT and align & (align - 1) == 0 else PAGE_SIZE
    if loads and any(program.type == PT_INTERP for program in programs):
        return page_of(DYN_BASE // align * align - loads[0].vaddr)
    return (MMAP_TOP - pages_up(end)) // align * align


def _segments(data: bytes, programs: list[ProgramHeader], name: str) -> tuple[Segment, ...]:
    """Every PT_LOAD that occupies memory, ascending, none overlapping another."""
    wanted = [program for program in programs if program.type == PT_LOAD and (program.memsz or program.filesz)]
    if not wanted:
        raise ElfError("nothing to load: it has no PT_LOAD segment", where=name, remedy=LINK)
    if sum(program.filesz for program in wanted) > _MOST_COPIES * len(data):
        raise ElfError("its segments hold the same bytes of the file many times", where=name, remedy=REBUILD)
    loads = [_segment(data, program, name) for program in wanted]
    loads.sort(key=lambda segment: segment.address)
    for low, high in pairwise(loads):
        if high.address < low.end:
            raise ElfError(
                f"segments overlap: {low.address:#x}..{low.end:#x} and {high.address:#x}..{high.end:#x}",
                where=name,
                remedy="mend the addresses in the linker script",
            )
    total = sum(segment.memory_size for segment in loads)
    if total > MEMORY_LIMIT:
        raise ElfError(
            f"its segments take {total / 2**30:,.1f} GiB of memory, the limit is {MEMORY_LIMIT >> 30} GiB",
            where=name,
            remedy="reserve large memory with mmap instead of .bss",
        )
    return tuple(loads)


def _segment(data: bytes, program: ProgramHeader, name: str) -> Segment:
    place = f"the segment at {program.vaddr:#x}"
    if not USER_START <= program.vaddr <= program.vaddr + program.memsz <= USER_END:
        raise ElfError(
            f"{place} ({program.memsz:#x} bytes) is outside user space, {USER_START:#x} to {USER_END:#x}",
            where=name,
            remedy="link at an ordinary address, as ld's default 0x400000",
        )
    if program.filesz > program.memsz:
        raise ElfError(f"{place} has more bytes in the file than in memory", where=name, remedy=REBUILD)
    _require(data, program.offset, program.filesz, f"contents of {place}", name)
    return Segment(
        address=program.vaddr,
        memory_size=program.memsz,
        data=data[program.offset : program.offset + program.filesz],
        readable=bool(program.flags & PF_R),
        writable=bool(program.flags & PF_W),
        executable=bool(program.flags & PF_X),
        offset=program.offset if (program.offset - program.vaddr) % PAGE_SIZE == 0 else program.vaddr % PAGE_SIZE,
    )


def _phdr_address(header: FileHeader, programs: list[ProgramHeader]) -> int:
    """Where the program headers lie in memory. Linux: load_elf_binary, phdr_addr."""
    end = header.phoff + header.phnum * header.phentsize
    for program in programs:
        if program.type == PT_LOAD and program.offset <= header.phoff and end <= program.offset + program.filesz:
            return program.vaddr + header.phoff - program.offset
    return 0


def _symbols(data: bytes, header: FileHeader, name: str) -> dict[str, int]:
    """Addresses of functions, objects and labels. Empty for a stripped file."""
    if not header.shoff or not header.shnum:
        return {}
    if header.shentsize != SECTION_HEADER_SIZE:
        raise ElfError(
            f"section headers of {header.shentsize} bytes instead of {SECTION_HEADER_SIZE}", where=name, remedy=REBUILD
        )
    _require(data, header.shoff, header.shnum * SECTION_HEADER_SIZE, "section headers", name)
    try:
        return read_symbols(data, header.shoff, header.shnum)
    except ValueError as error:
        what = f"the symbol table is truncated or damaged: {error}"
        raise ElfError(what, where=name, remedy=REBUILD) from error


def _require(data: bytes, offset: int, size: int, part: str, name: str) -> None:
    """Refuse a file that ends before `size` bytes at `offset`."""
    if offset + size > len(data):
        raise ElfError(
            f"truncated: the {part} should end at byte {offset + size:,}, the file has {len(data):,}",
            where=name,
            remedy=REBUILD,
        )
