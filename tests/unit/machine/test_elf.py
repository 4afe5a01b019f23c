"""pffemu.machine.elf: reads what ld produces, names exactly what is wrong with anything else, raises only ElfError."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_model.mm.vma import MMAP_TOP
from pffemu.arch.paging import pages_up
from pffemu.errors import ElfError
from pffemu.machine.elf import ElfImage, Segment, read_elf

R, W, X = 4, 2, 1
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
LOCAL, GLOBAL = 0, 1
NOTYPE, OBJECT, FUNC, SECTION, FILE = 0, 1, 2, 3, 4
SHN_UNDEF, TEXT_INDEX, SHN_ABS = 0, 3, 0xFFF1


@dataclass(frozen=True)
class Load:
    """One program header and the bytes it points at."""

    vaddr: int
    content: bytes
    flags: int = R
    memsz: int | None = None
    filesz: int | None = None
    type: int = PT_LOAD


@dataclass(frozen=True)
class Elf:
    """An ELF file to be: contents in the order file header, program headers, segments, symbols, section headers."""

    loads: tuple[Load, ...] = (Load(0x401000, b"\x90" * 16, R | X),)
    entry: int = 0x401000
    type: int = 2
    machine: int = 62
    symbols: tuple[tuple[str, int, int, int, int], ...] = ()  # name, value, binding, type, section index
    symbol_entry_size: int = 24

    def bytes(self) -> bytes:
        body = bytearray(64 + 56 * len(self.loads))
        for number, load in enumerate(self.loads):
            filesz = len(load.content) if load.filesz is None else load.filesz
            memsz = filesz if load.memsz is None else load.memsz
            fields = (load.type, load.flags, len(body), load.vaddr, load.vaddr, filesz, memsz, 0x1000)
            struct.pack_into("<IIQQQQQQ", body, 64 + 56 * number, *fields)
            body += load.content
        shoff = self._append_sections(body) if self.symbols else 0
        struct.pack_into(
            "<4s12sHHIQQQIHHHHHH", body, 0, b"\x7fELF", b"\x02\x01\x01", self.type, self.machine, 1, self.entry, 64,
            shoff, 0, 64, 56, len(self.loads), 64, 4 if shoff else 0, 2 if shoff else 0,
        )  # fmt: skip
        return bytes(body)

    def _append_sections(self, body: bytearray) -> int:
        """Sections null, .symtab, .strtab (which also names the sections) and .text; the offset of their headers."""
        strings = bytearray(b"\0.symtab\0.strtab\0.text\0")
        table = bytearray(24)
        for name, value, binding, kind, section in self.symbols:
            table += struct.pack("<IBBHQQ", len(strings), binding << 4 | kind, 0, section, value, 0)
            strings += name.encode() + b"\0"
        at_table, at_strings = len(body), len(body) + len(table)
        body += table + strings
        shoff = len(body)
        for at_name, kind, offset, size, link, entry_size in (
            (0, 0, 0, 0, 0, 0),
            (1, 2, at_table, len(table), 2, self.symbol_entry_size),
            (9, 3, at_strings, len(strings), 0, 0),
            (17, 1, 0, 0, 0, 0),
        ):
            body += struct.pack("<IIQQQQIIQQ", at_name, kind, 0, 0, offset, size, link, 0, 1, entry_size)
        return shoff


RICH = Elf(
    loads=(Load(0x402000, b"data", R | W, memsz=0x3000), Load(0x401000, b"\x90" * 32, R | X)),
    entry=0x401004,
    symbols=(
        ("start.s", 0, LOCAL, FILE, SHN_ABS),
        ("", 0x401000, LOCAL, SECTION, TEXT_INDEX),
        ("twice", 0x401010, GLOBAL, FUNC, TEXT_INDEX),
        ("twice", 0x401018, LOCAL, NOTYPE, TEXT_INDEX),
        ("PAGE_SIZE", 4096, LOCAL, NOTYPE, SHN_ABS),
        ("missing", 0, GLOBAL, NOTYPE, SHN_UNDEF),
        ("table", 0x402000, LOCAL, OBJECT, TEXT_INDEX),
        ("_start", 0x401004, GLOBAL, NOTYPE, TEXT_INDEX),
    ),
)


def refusal(data: bytes) -> ElfError:
    """The error that `data` raises; it must say where and what to do."""
    with pytest.raises(ElfError) as caught:
        read_elf(data, "prog")
    assert caught.value.where == "prog"
    assert caught.value.remedy
    return caught.value


def test_segments_come_back_ascending_with_their_permissions() -> None:
    image = read_elf(RICH.bytes(), "prog")
    assert image.entry == 0x401004
    assert image.segments == (
        Segment(0x401000, 32, b"\x90" * 32, readable=True, writable=False, executable=True),
        Segment(0x402000, 0x3000, b"data", readable=True, writable=True, executable=False),
    )


def test_symbols_are_places_and_the_global_one_of_equal_names() -> None:
    assert read_elf(RICH.bytes(), "prog").symbols == {"twice": 0x401010, "table": 0x402000, "_start": 0x401004}


def test_a_stripped_file_has_no_symbols() -> None:
    assert read_elf(Elf().bytes(), "prog").symbols == {}


def test_program_headers_outside_every_segment_have_no_address() -> None:
    image = read_elf(Elf().bytes(), "prog")
    assert (image.phdr_address, image.phent, image.phnum) == (0, 56, 1)


def test_program_headers_inside_a_segment_have_an_address() -> None:
    data = bytearray(Elf(loads=(Load(0x401000, b"\x90" * 16, R | X), Load(0x400000, b"", R))).bytes())
    # The second segment maps the file from its first byte, as ld's first one does.
    struct.pack_into("<QQQQQ", data, 64 + 56 + 8, 0, 0x400000, 0x400000, 64 + 112, 64 + 112)
    assert read_elf(bytes(data), "prog").phdr_address == 0x400040


def test_empty_segments_are_left_out_and_bss_only_ones_are_not() -> None:
    loads = (Load(0x401000, b"\xc3", R | X), Load(0x500000, b"", R | W), Load(0x600000, b"", R | W, memsz=8192))
    image = read_elf(Elf(loads).bytes(), "prog")
    assert [(segment.address, segment.memory_size, segment.data) for segment in image.segments] == [
        (0x401000, 1, b"\xc3"),
        (0x600000, 8192, b""),
    ]


def test_segments_may_share_a_page() -> None:
    loads = (Load(0x401000, b"\xc3" * 16, R | X), Load(0x401010, b"data", R | W))
    assert len(read_elf(Elf(loads).bytes(), "prog").segments) == 2


@pytest.mark.parametrize("address", [0x1000, 0x7FFF_FFFF_EFFF])
def test_the_first_and_last_byte_of_user_space_can_be_used(address: int) -> None:
    assert read_elf(Elf((Load(address, b"\xc3", R | X),), entry=address).bytes(), "prog").entry == address


CODE = Load(0x401000, b"\x90" * 16, R | X)
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "the file is empty", "an ELF64"),
    "text": (b"#!/bin/sh\n", "not an ELF file", "an ELF64"),
    "32-bit": (b"\x7fELF\x01\x01\x01" + bytes(45), "32-bit", "-m64"),
    "big-endian": (b"\x7fELF\x02\x02\x01" + bytes(57), "big-endian", "x86-64"),
    "magic only": (b"\x7fELF", "truncated: the file header should end at byte 64, the file has 4", "again"),
    "aarch64": (Elf(machine=183).bytes(), "for AArch64", "x86-64"),
    "unknown machine": (Elf(machine=9999).bytes(), "for machine 9999", "x86-64"),
    "object file": (Elf(type=1).bytes(), "relocatable", "gcc prog.c"),
    "core": (Elf(type=4).bytes(), "ELF type 4", "gcc prog.c"),
    "shared library": (Elf((CODE,), type=3, entry=0).bytes(), "is in no executable", "_start"),
    "empty interpreter": (Elf((CODE, Load(0, b"\0", type=PT_INTERP)), type=3).bytes(), "is not a path", "again"),
    "endless interpreter": (Elf((CODE, Load(0, b"/ld", type=PT_INTERP))).bytes(), "is not a path", "again"),
    "interpreter cut off": (Elf((CODE, Load(0, b"/l", 4, filesz=9, type=PT_INTERP))).bytes(), "truncated", "again"),
    "no program headers": (Elf(()).bytes(), "no PT_LOAD", "gcc prog.c"),
    "only a note": (Elf((replace(CODE, type=PT_NOTE),)).bytes(), "no PT_LOAD", "gcc prog.c"),
    "segment cut off": (Elf((replace(CODE, filesz=17),)).bytes(), "truncated: the contents of the segment", "again"),
    "file over memory": (Elf((replace(CODE, memsz=15),)).bytes(), "more bytes in the file than in memory", "again"),
    "below user space": (Elf((replace(CODE, vaddr=0xFFF),)).bytes(), "at 0xfff .* outside user space", "0x400000"),
    "beyond user space": (Elf((CODE, Load(0x7FFF_FFFF_EFFF, b"ab"))).bytes(), "outside user space", "0x400000"),
    "wrapping": (Elf((CODE, Load(2**64 - 1, b"ab"))).bytes(), "outside user space", "0x400000"),
    "overlap": (Elf((CODE, Load(0x40100F, b"a"))).bytes(), "overlap: 0x401000..0x401010 and 0x40100f", "linker script"),
    "same address": (Elf((CODE, CODE)).bytes(), "segments overlap", "linker script"),
    "absurd size": (Elf((CODE, Load(0x500000, b"", memsz=(64 << 30) + 1))).bytes(), "64.0 GiB", "mmap"),
    "entry nowhere": (Elf(entry=0x401010).bytes(), "entry point 0x401010 is in no executable", "_start"),
    "entry in data": (Elf((Load(0x401000, b"\x90", R | W),)).bytes(), "in no executable", "_start"),
    "symbol size": (replace(RICH, symbol_entry_size=8).bytes(), "symbol table", "again"),
    "no symbol size": (replace(RICH, symbol_entry_size=0).bytes(), "symbol table", "again"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "what", "remedy"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_loaded_is_refused_by_name(data: bytes, what: str, remedy: str) -> None:
    with pytest.raises(ElfError, match=what):
        read_elf(data, "prog")
    assert remedy in refusal(data).remedy


@pytest.mark.parametrize(
    ("offset", "what"), [(54, "program headers of 77 bytes"), (58, "section headers of 77 bytes")], ids=["ph", "sh"]
)
def test_headers_of_another_size_are_refused(offset: int, what: str) -> None:
    data = bytearray(RICH.bytes())
    struct.pack_into("<H", data, offset, 77)
    assert what in refusal(bytes(data)).what


def test_every_truncation_says_which_part_is_missing() -> None:
    data = RICH.bytes()
    told = [refusal(data[:length]).what for length in range(5, len(data))]
    parts = ["file header", "program headers", "contents of the segment", "section headers"]
    seen = [next(part for part in parts if part in what) for what in told]
    assert [part for position, part in enumerate(seen) if position == 0 or seen[position - 1] != part] == parts


@pytest.mark.parametrize("field", [24, 32], ids=["sh_offset", "sh_size"])
@pytest.mark.parametrize("section", [1, 2], ids=["symtab", "strtab"])
@pytest.mark.parametrize("value", [10_000 * 24, 2**63, 2**64 - 8])
def test_a_symbol_table_beyond_the_file_is_refused(section: int, field: int, value: int) -> None:
    data = bytearray(RICH.bytes())
    (shoff,) = struct.unpack_from("<Q", data, 40)
    struct.pack_into("<Q", data, shoff + 64 * section + field, value)
    assert "symbol table is truncated or damaged" in refusal(bytes(data)).what


def read_or_refuse(data: bytes) -> ElfImage | None:
    """Nothing but ElfError may come out, and what is accepted must be usable."""
    try:
        image = read_elf(data, "prog")
    except ElfError:
        return None
    assert all(len(segment.data) <= segment.memory_size for segment in image.segments)
    assert all(isinstance(name, str) and 0 <= value < 2**64 for name, value in image.symbols.items())
    return image


mutations = st.lists(
    st.tuples(st.integers(0, len(RICH.bytes()) - 1), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**64 - 1)),
    max_size=8,
)


@settings(max_examples=1500)
@given(mutations, st.integers(0, 40), st.sampled_from([0, 1, 0x7F, 0xFF, None]))
def test_fuzz_damaged_files_raise_only_elf_errors(
    changes: list[tuple[int, int, int]], cut: int, fill: int | None
) -> None:
    data = bytearray(RICH.bytes())
    for offset, width, value in changes:
        replacement = value.to_bytes(8, "little")[:width] if fill is None else bytes([fill]) * width
        data[offset : offset + width] = replacement
    read_or_refuse(bytes(data[: len(data) - cut] if cut < 20 else data))


@settings(max_examples=300)
@given(st.binary(max_size=600))
def test_fuzz_anything_behind_a_valid_identification(tail: bytes) -> None:
    read_or_refuse(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0" + tail)


PROGRAM = """
    .globl _start
    .equ ANSWER, 42
    .text
_start: mov $60, %eax
        mov $ANSWER, %edi
local:  syscall
    .data
word:   .quad 7
    .bss
    .globl room
room:   .skip 100000
"""


def link(folder: Path, *options: str) -> bytes:
    """PROGRAM as the host's compiler driver links it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no gcc or cc on this host")
    source, program = folder / "prog.s", folder / "prog"
    source.write_text(PROGRAM)
    command = [compiler, "-nostdlib", *options, "-o", str(program), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if built.returncode:
        pytest.skip(f"the host's compiler cannot do {' '.join(options)}: {built.stderr.strip()[:200]}")
    return program.read_bytes()


@pytest.mark.parametrize("extra", [(), ("-Wl,-z,noseparate-code",), ("-Wl,-N",)], ids=["default", "joined", "omagic"])
def test_what_gcc_links_statically_is_read(tmp_path: Path, extra: tuple[str, ...]) -> None:
    image = read_elf(link(tmp_path, "-static", "-no-pie", *extra), "prog")
    code = next(segment for segment in image.segments if segment.executable)
    offset = image.entry - code.address
    assert code.data[offset : offset + 5] == b"\xb8\x3c\0\0\0"
    assert image.symbols["_start"] == image.entry
    assert image.symbols["local"] == image.entry + 10
    assert "ANSWER" not in image.symbols
    data = next(segment for segment in image.segments if segment.address <= image.symbols["word"] < segment.end)
    assert data.writable
    assert data.data[image.symbols["word"] - data.address :][:8] == (7).to_bytes(8, "little")
    assert image.symbols["room"] + 100_000 <= data.end


def test_a_static_pie_is_moved_to_the_top_of_user_space(tmp_path: Path) -> None:
    image = read_elf(link(tmp_path, "-static-pie"), "prog")
    assert image.bias
    assert image.segments[0].address % 0x1000 == 0
    assert MMAP_TOP - 0x10000 < pages_up(image.segments[-1].end) <= MMAP_TOP
    assert image.symbols["_start"] == image.entry
    assert image.segments[0].address < image.phdr_address < image.segments[0].end


def test_a_dynamic_program_names_its_loader_and_lies_low(tmp_path: Path) -> None:
    image = read_elf(link(tmp_path, "-pie"), "prog")
    assert image.interpreter == b"/lib64/ld-linux-x86-64.so.2"
    assert image.bias == image.segments[0].address == 0x5555_5555_4000
    assert not read_elf(link(tmp_path, "-no-pie"), "prog").bias


def test_gcc_puts_the_program_headers_where_auxv_can_name_them(tmp_path: Path) -> None:
    image = read_elf(link(tmp_path, "-static", "-no-pie"), "prog")
    holder = next(segment for segment in image.segments if segment.address <= image.phdr_address < segment.end)
    headers = holder.data[image.phdr_address - holder.address :][: image.phent * image.phnum]
    assert [fields[0] for fields in struct.iter_unpack("<IIQQQQQQ", headers)].count(PT_LOAD) >= 2


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("-c",), "relocatable"),
        (("-m32", "-static"), "32-bit"),
    ],
    ids=["object", "32-bit"],
)
def test_what_gcc_links_otherwise_is_refused(tmp_path: Path, options: tuple[str, ...], what: str) -> None:
    assert what in refusal(link(tmp_path, *options)).what
