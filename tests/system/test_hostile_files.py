"""Files from strangers: what they say about sizes, names and the host is checked before it is believed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu import Mode
from pffemu.debug.source_lines import SourceLines, lines_of_file
from pffemu.errors import ElfError, UsageError
from pffemu.host_files import read_regular, replace_file
from pffemu.inspect.c_values import value_of_variable
from pffemu.inspect.expressions import parse
from pffemu.machine import elf_lines
from pffemu.machine.elf import build_id, read_elf
from pffemu.machine.elf_symbols import read_sized_symbols
from pffemu.machine.elf_variables import Array, CType, Number, Struct, Variable
from pffemu.machine.loader import Loader
from pffemu.machine.memory import GuestMemory
from pffemu.testing.blocks import Block
from pffemu.testing.directives import Directive
from pffemu.testing.errors import TestFileError
from pffemu.testing.parameters import Parameters, combinations
from pffemu.testing.setup import read_setup
from pffemu.testing.whole_file import read_whole_file
from tests.system.cli_runs import ROOT, pffemu

CODE = b"\xb8\x3c\0\0\0\x31\xff\x0f\x05"  # exit(0)
NINES = "9" * 5000
LONG, LONGER = "a" * 300, "a" * 5000


def elf(symbols: tuple[bytes, ...] = (), strings: bytes = b"\0", loads: int = 1, content: bytes = CODE) -> bytes:
    """An ELF64 program: `loads` segments with the same bytes of the file, a symbol table, its strings."""
    at = 64 + 56 * loads
    strings_at = at + len(content)
    symbols_at = strings_at + len(strings)
    sections_at = symbols_at + 24 * len(symbols)
    out = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + bytes(9), 2, 62, 1, 0x400000 + at, 64, sections_at, 0, 64, 56,
        loads, 64, 3, 0,
    )  # fmt: skip
    room = 0x1000 * (len(content) // 0x1000 + 1)
    for i in range(loads):
        address = 0x400000 + i * room + at
        out += struct.pack("<IIQQQQQQ", 1, 5, at, address, address, len(content), len(content), 0x1000)
    out += content + strings + b"".join(symbols)
    out += bytes(64) + struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, symbols_at, 24 * len(symbols), 2, 0, 8, 24)
    return out + struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, strings_at, len(strings), 0, 0, 1, 0)


def symbol(name: int, address: int = 0x400000) -> bytes:
    return struct.pack("<IBBHQQ", name, 0x12, 0, 1, address, 1)


def test_symbols_may_share_the_ends_of_names_but_not_without_bound() -> None:
    strings = b"\0prefix_name\0"
    found = read_elf(elf((symbol(1), symbol(8)), strings), "x").symbols
    assert sorted(found) == ["name", "prefix_name"]
    strings = b"\0" + b"A" * 60_000 + b"\0"
    with pytest.raises(ElfError, match="longer than the file"):
        read_elf(elf(tuple(symbol(1 + i) for i in range(1000)), strings), "x")


def test_a_name_without_an_end_is_a_damaged_table() -> None:
    with pytest.raises(ElfError, match="no end"):
        read_elf(elf((symbol(1),), b"\0" + b"A" * 100_000), "x")
    with pytest.raises(ValueError, match="no end"):
        read_sized_symbols(elf((symbol(1),), b"\0" + b"A" * 10))


def test_segments_cannot_multiply_the_file() -> None:
    content = CODE + bytes(100_000)
    assert len(read_elf(elf(loads=2, content=content), "x").segments) == 2
    with pytest.raises(ElfError, match="same bytes"):
        read_elf(elf(loads=1000, content=content), "x")


def test_notes_are_looked_through_once() -> None:
    data = bytearray(elf(loads=3000, content=bytes(60_000)))
    for i in range(3000):
        struct.pack_into("<I", data, 64 + 56 * i, 4)  # PT_NOTE
    assert build_id(bytes(data), "x") == ""


def test_processes_that_run_one_file_share_its_image() -> None:
    data = elf((symbol(1),), b"\0name\0")
    first = Loader().read(data, "/x")
    assert Loader().read(bytes(bytearray(data)), "/x") is first
    assert Loader().read(data, "/y") is not first


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [(f".equ x, {NINES}\n_start: nop\n", 126), (f"_start: mov eax, {NINES}\n", 126), (f".quad 0{NINES}\n", 126),
     (f".include \"{LONG}\"\n_start: nop\n", 126), (f".include \"{LONGER}\"\n", 126)],
)  # fmt: skip
def test_source_with_what_is_too_long(tmp_path: Path, text: str, exit_code: int) -> None:
    (tmp_path / "x.s").write_text(text)
    ran = pffemu("run", str(tmp_path / "x.s"))
    assert ran.code == exit_code, ran.err
    assert "x.s:1" in ran.err


@pytest.mark.parametrize("value", [NINES, "0x" + "f" * 5000, "1e999999999", "-1", "[" * 3000 + "]" * 3000, "{}"])
def test_a_profile_with_such_a_value(tmp_path: Path, value: str) -> None:
    (tmp_path / "p.toml").write_text(
        f'name="x"\nmachine="m"\nbase="sapphire-rapids"\n[costs]\n"cpu.iret" = {{ value = {value}, unit = "cycles", '
        'status = "published", source = "s" }\n'
    )
    ran = pffemu("timing", "check", str(tmp_path / "p.toml"))
    assert ran.code == 2, ran.err


@pytest.mark.parametrize("text", ["[" * 100_000, f'{{"command": "bench fault", "options": {NINES}}}', "[]", "1"])
def test_a_report_with_such_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    assert pffemu("report", str(tmp_path / "r.json"), "-o", str(tmp_path / "x.html")).code == 2


@pytest.mark.parametrize("name", [LONG, LONGER])
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [(("run", "NAME"), 127), (("run", "--root", "NAME", "GUEST"), 2), (("debug", "NAME"), 127),
     (("trace", "NAME"), 127), (("run", "--profile", "NAME.toml", "GUEST"), 127),
     (("debug", "--commands", "NAME", "GUEST"), 127), (("run", "--json", "NAME", "GUEST"), 2),
     (("run", "--trace", "NAME", "GUEST"), 2), (("debug", "--test", "x", "NAME"), 127), (("report", "NAME"), 127)],
)  # fmt: skip
def test_names_that_are_too_long(name: str, arguments: tuple[str, ...], exit_code: int) -> None:
    guest = str(ROOT / "examples" / "own_handler.s")
    ran = pffemu(*(word.replace("NAME", name).replace("GUEST", guest) for word in arguments))
    assert ran.code == exit_code, ran.err


def test_numbers_of_many_digits_in_expressions_and_directives() -> None:
    for text in ("0x" + "f" * 5000, f"rax == 0x{'f' * 5000}", NINES):
        with pytest.raises(UsageError) as raised:
            parse(text)
        assert len(str(raised.value)) < 1000


def block_of(*directives: tuple[str, str]) -> Block:
    made = tuple(Directive(name, text, "test_x.c", line) for line, (name, text) in enumerate(directives, 1))
    return Block("x", "test_x.c", 1, 9, 0, made)


def test_parameters_cannot_multiply_without_bound() -> None:
    block = block_of(("param", "x = 0..4095"), ("param", "y = 0..4095"))
    with pytest.raises(TestFileError, match="too many tests"):
        next(iter(combinations(block)))
    source = "# test: bomb\n# param: x = 0..4095\n# param: y = 0..4095\n# expect: rax == 0\n nop\n"
    with pytest.raises(TestFileError, match="too many tests"):
        read_whole_file(source, "test_x.s")


@pytest.mark.parametrize(
    "flags",
    ["-wrapper sh,-c,'touch x'", "-B/tmp", "-fplugin=x.so", "-fplugin=x", "-specs=x", "@file", "-o x", "-Xassembler x",
     "-Wl,x", "-Wa,x", "-I/etc", "-I../..", "-Ix/../../y", "-include x", "-fdump-tree-all", "-fprofile-generate",
     "-T x", "x.c", "-mllvm -load", "-save-temps", "-fmodule-mapper=x", "-iquote /", "--sysroot=/", "-x c"],
)  # fmt: skip
def test_flags_that_run_load_or_write_are_refused(flags: str) -> None:
    with pytest.raises(TestFileError, match="not for a test file to choose"):
        read_setup(block_of(("cflags", flags)), Parameters({}, {}, ""), Mode.PFF)


def test_ordinary_flags_are_passed_on() -> None:
    flags = (
        "-O2 -g3 -std=gnu++17 -DX -DTEXT='a b/c' -UY -Wall -Wno-error=x -mavx2 -march=native -fno-inline -Iinclude/x"
    )
    assert len(read_setup(block_of(("cflags", flags)), Parameters({}, {}, ""), Mode.PFF).cflags) == 12


def test_a_fifo_or_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"regular|directory"):
            read_regular(path, 1 << 20)
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(OSError, match="too large"):
        read_regular(tmp_path / "large", 100)
    assert pffemu("run", str(tmp_path / "fifo")).code == 127


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, target = tmp_path / "victim", tmp_path / "target"
    victim.write_text("precious")
    target.symlink_to(victim)
    replace_file(target, b"new")
    assert (victim.read_text(), target.read_bytes(), target.is_symlink()) == ("precious", b"new", False)
    target.chmod(0o600)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(target, b"newer")
    assert target.read_bytes() == b"new"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["target", "victim"]
    monkeypatch.undo()
    replace_file(target, b"newer")
    assert target.stat().st_mode & 0o777 == 0o600


def test_damaged_hooks_and_those_of_other_sources_are_compiled_anew(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    for package in ("pffemu", "kernel_model", "guest"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc", "*.native"))
    module = "pffemu.engine.careful_code_compiled"
    script = f"""
import sys
from pffemu.engine.native_code import hooks
assert all(hooks({module!r}).values())
print("numba" in sys.modules)
"""

    def compiled() -> bool:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, env=environment, check=True
        )
        return ran.stdout == "True\n"

    assert compiled()
    (file,) = tmp_path.rglob("careful_code_compiled*.native")
    whole = file.read_bytes()
    assert not compiled()
    for damaged in (whole[:60], b"", whole[:-1] + bytes([whole[-1] ^ 1]), whole + b"x"):
        file.write_bytes(damaged)
        assert compiled()
        assert file.read_bytes() == whole
    with (tmp_path / "pffemu" / "engine" / "careful_code.py").open("a") as source:
        source.write("# another text\n")
    assert compiled()
    assert not compiled()


def test_types_in_types_are_shown_in_part() -> None:
    kind: CType = Number(4)
    for _ in range(60):
        kind = Struct({"a": (0, kind), "b": (0, kind)}, 4)
    memory = cast(GuestMemory, SimpleNamespace(read=lambda _address, size: bytes(size)))
    assert len(str(value_of_variable("x", Variable(0x1000, kind), memory))) < 50_000
    flat = str(
        value_of_variable(
            "y", Variable(0, Struct({"p": (0, Array(Number(4), 3, 4)), "q": (12, Number(1))}, 16)), memory
        )
    )
    assert flat == "{p = {0, 0, 0}, q = 0}"


def program_with_lines(folder: Path, *options: str) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    source = folder / "lines.c"
    source.write_text("int x;\nvoid _start(void)\n{\n    x = 1;\n    x = 2;\n    for (;;);\n}\n")
    command = [*compiler, "-g", "-static", "-nostdlib", *options, "-o", folder / "lines", source]
    subprocess.run(command, check=True, timeout=100)
    return folder / "lines"


@pytest.mark.parametrize(("limit", "value"), [("_MOST", 2), ("_PROGRAM_MAX", 10)])
def test_line_tables_are_bounded(limit: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program_with_lines(tmp_path)
    symbol_address = read_elf(path.read_bytes(), "x").symbols["_start"]
    assert lines_of_file(path).line_of(symbol_address) is not None
    monkeypatch.setattr(elf_lines, limit, value)
    assert lines_of_file(path).line_of(symbol_address) is None


def test_compressed_sections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program_with_lines(tmp_path, "-gz=zlib")
    assert elf_lines.read_lines(path.read_bytes(), "x")
    monkeypatch.setattr(elf_lines, "_INFLATED_MAX", 0)
    with pytest.raises(ElfError, match="compressed sections"):
        elf_lines.read_lines(path.read_bytes(), "x")


def test_source_texts_are_read_below_the_named_folders_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir(), outside.mkdir()
    (inside / "a.c").write_text("inside")
    (outside / "a.c").write_text("outside")
    (outside / "b.c").write_text("secret")
    (inside / "link.c").symlink_to(outside / "b.c")
    os.mkfifo(inside / "fifo.c")
    lines = SourceLines((), (inside,))
    assert lines.text_of(str(inside / "a.c")) == ["inside"]
    assert lines.text_of("a.c") == ["inside"]
    assert lines.text_of(str(outside / "a.c")) == ["inside"]  # by its name, where the user keeps sources
    for name in (outside / "b.c", inside / "../outside/b.c", inside / "link.c", inside / "fifo.c", "/dev/zero", "x\0y"):
        assert lines.text_of(str(name)) == []
    assert SourceLines((), (), frozenset({str(outside / "b.c")})).text_of(str(outside / "b.c")) == ["secret"]
