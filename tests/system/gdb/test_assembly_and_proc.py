"""A stock gdb on a program in assembly: it has symbols and source lines; `info proc` reads the guest's /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from pffemu.asm import Program, assemble
from pffemu.debug.gdb.symbol_file import symbol_file
from pffemu.debug.source_lines import assemble_file
from pffemu.machine.elf_lines import read_lines
from pffemu.machine.elf_symbols import read_sized_symbols
from tests.system.cli_runs import ROOT
from tests.system.gdb.stub_client import Client, needs_gdb, run_gdb, served

GUEST = ROOT / "examples" / "own_handler.s"


@needs_gdb
def test_a_delivery_in_source_lines_of_assembly(tmp_path: Path) -> None:
    with served(GUEST, str(GUEST)) as serving:
        said = run_gdb(
            serving.port, None,
            "break handler\ncontinue\nnext\ninfo registers uif\nprint/x *(long *)&uffd\nreverse-continue\n"
            "info proc mappings\ninfo proc cmdline\ninfo proc exe\ninfo proc cwd\n", tmp_path,
        )  # fmt: skip
    lines = GUEST.read_text().splitlines()
    at = 1 + next(i for i, line in enumerate(lines) if line.startswith("handler:"))
    assert f"handler () at {GUEST}:{at + 1}" in said
    assert f"\n{at + 2}\t{lines[at + 1]}" in said
    assert "uif            0x0" in said
    assert "$1 = 0x3\n" in said
    assert "[stack]" in said
    assert f"cmdline = '{GUEST}'" in said
    assert f"exe = '{GUEST}'" in said
    assert "cwd = '/'" in said


EVERY_KIND = """
.equ ANSWER, 42
.text
_start:
    call far
1:  jmp 1b
far:
    mov eax, ANSWER
    ret
.rodata
text: .asciz "text"
.data
word: .quad 1
.bss
room: .skip 100
"""


def programs() -> list[tuple[Path, Program]]:
    files = [GUEST, ROOT / "guest" / "asm" / "bfs.s"]
    return [(Path("kinds.s"), assemble(EVERY_KIND, file="kinds.s")), *((path, assemble_file(path)) for path in files)]


@pytest.mark.parametrize("case", range(3))
def test_the_symbol_file_says_what_the_assembler_knows(case: int) -> None:
    path, program = programs()[case]
    written = symbol_file(program, path)
    assert {each.name: each.address for each in read_sized_symbols(written)} == {
        name: address
        for name, address in program.symbols.items()
        if any(section.address <= address < section.address + section.size for section in program.sections)
    }
    code = next(section for section in program.sections if section.executable)
    found = {address: (line.file, line.number) for line in read_lines(written, "x") for address in [line.start]}
    wanted = {
        line.address: (str(Path(line.file).absolute()), line.number)
        for line in program.lines
        if line.size and code.address <= line.address < code.address + code.size
    }
    assert found == wanted


def test_files_of_proc_are_those_of_each_process() -> None:
    with served(GUEST, str(GUEST)) as serving:
        client = serving.connect()
        assert opened(client, "/proc/1/environ") == b""
        assert opened(client, "/proc/1/task/1/comm") == b"own_handler.s\n"
        assert opened(client, "/proc/2/maps") is None
        assert opened(client, "/proc/1/mem") is None
        assert client.ask(b"vFile:readlink:" + b"/proc/1/cwd".hex().encode()) == b"F1;/"
        assert client.ask(b"vFile:readlink:" + b"/etc".hex().encode()) == b"F-1,2"
        assert client.ask(b"qMemoryRegionInfo:400010") == b"start:400000;size:1000;permissions:rx;name:" + (
            str(GUEST).encode().hex().encode() + b";"
        )
        assert client.ask(b"qMemoryRegionInfo:10") == b"start:0;size:400000;"


def opened(client: Client, path: str) -> bytes | None:
    reply = client.ask(b"vFile:open:" + path.encode().hex().encode() + b",0,0")
    if reply.startswith(b"F-1"):
        return None
    return client.ask(b"vFile:pread:" + reply[1:] + b",1000,0").partition(b";")[2]
