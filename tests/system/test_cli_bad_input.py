"""Bad input through the command line: one message that says what, where and what to do, and the right exit code."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.system.cli_runs import pffemu, source

SETUP = """
.include "pff.inc"
.equ REGION, 0x10000000
_start:
    mov eax, SYS_mmap
    mov edi, REGION
    mov esi, 0x10000
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov ebx, eax
    mov eax, SYS_ioctl
    mov edi, ebx
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    mov eax, SYS_ioctl
    mov edi, ebx
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    mov eax, SYS_uintr_register_handler
    HANDLER_ADDRESS
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    stui
    mov rax, [REGION]
    mov eax, SYS_exit_group
    mov edi, 77
    syscall
handler:
    HANDLER_CODE
.data
api: .quad UFFD_API, 0, 0
registration: .quad REGION, 0x10000, UFFDIO_REGISTER_MODE_MISSING, 0
"""


def forwarding(handler_code: str, handler_address: str = "lea rdi, [rip + handler]") -> str:
    """A guest whose first access to a userfaultfd region is forwarded to its handler."""
    return SETUP.replace("HANDLER_CODE", handler_code).replace("HANDLER_ADDRESS", handler_address)


FUTEX_WAIT = """
_start:
    mov eax, 202
    lea rdi, [rip + word]
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
.data
word: .quad 0
"""

FILL_MEMORY = """
_start:
    mov eax, 9
    xor edi, edi
    mov esi, 0x4000000
    mov edx, 3
    mov r10d, 0x4022
    mov r8, -1
    xor r9d, r9d
    syscall
1:  mov [rax], rax
    add rax, 4096
    jmp 1b
"""

GUESTS: dict[str, tuple[str, int, list[str]]] = {
    "unmapped read": (
        "_start: nop\nmov rax, [0x123456000]\n", 139,
        ["read of 0x123456000", "_start+0x1", "RIP 0x400001", "mappings:", "[stack]"],
    ),
    "unmapped write": (
        "_start: xor eax, eax\nmov [rax], rax\n", 139,
        ["write to 0x0", "_start+0x2", "mappings:", "null pointer"],
    ),
    "unmapped jump": ("_start: mov eax, 0x5000\njmp rax\n", 139, ["jump to 0x5000", "RIP 0x5000", "mappings:"]),
    "ret at the end": ("_start: nop\nret\n", 139, ["jump to 0x1", "a ret of code that nothing has called"]),
    "jump into data": ("_start: lea rax, [rip + word]\njmp rax\n.data\nword: .quad 0\n", 139, ["jump to", "rw- "]),
    "write to code": ("_start: lea rax, [rip + _start]\nmov [rax], rax\n", 139, ["write to 0x400000", "r-x"]),
    "privileged": ("_start: hlt\n", 139, ["privileged instruction `hlt`", "_start (RIP 0x400000", "ring 3"]),
    "port": ("_start: in al, dx\n", 139, ["privileged instruction `in`"]),
    "unknown opcode": ("_start: .byte 0x0f, 0x04\n", 132, ["#UD", "0f 04", "RIP 0x400000"]),
    "ud2": ("_start: ud2\n", 132, ["#UD", "ud2"]),
    "AVX": ("_start: .byte 0xc5, 0xfc, 0x58, 0xc0\n", 132, ["#UD", "vaddps", "not emulated"]),
    "division by zero": ("_start: xor ecx, ecx\ndiv ecx\n", 136, ["#DE", "division by zero", "div ecx"]),
    "breakpoint": ("_start: int3\n", 133, ["#BP", "int3"]),
    "non-canonical": ("_start: mov rax, 0x7000000000000000\nmov rax, [rax]\n", 139, ["canonical", "_start+0xa"]),
    "handler not canonical": (
        forwarding("ud2", "mov rdi, 0x800000000000"), 139,
        ["UIHANDLER 0x800000000000", "not canonical"],
    ),
    "handler not mapped": (forwarding("ud2", "mov edi, 0x7000"), 139, ["jump to 0x7000", "mappings:"]),
    "stack overflow in the handler": (
        forwarding("push rax\njmp handler"), 139,
        ["handler's stack overflowed", "handler (RIP", "[stack]"],
    ),
    "stack overflow": ("_start: call _start\n", 139, ["the stack overflowed", "RSP is", "recursion"]),
    "nested fault in the handler": (
        forwarding("mov rax, [REGION + 0x3000]"), 125,
        ["all threads are blocked", "0x10003000", "UIF=0"],
    ),
    "all threads blocked": (FUTEX_WAIT, 125, ["all threads are blocked", "thread 1", "waits for", "futex", "_start+"]),
    "budget used up": ("_start: jmp _start\n", 124, ["budget of 1000 instructions is used up", "_start", "--budget"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GUESTS)
def test_guest_that_ends_badly(tmp_path: Path, name: str) -> None:
    text, code, parts = GUESTS[name]
    budget = ["--budget", "1000"] if name == "budget used up" else []
    ran = pffemu("run", *budget, source(tmp_path, text))
    assert ran.out == ""
    assert ran.err.startswith("pffemu: ")
    assert [part for part in parts if part not in ran.err] == [], ran.err
    assert ran.err.count("pffemu:") == 1
    assert ran.code == code


def test_more_memory_than_the_guest_has(tmp_path: Path) -> None:
    ran = pffemu("run", "--ram", "8M", source(tmp_path, FILL_MEMORY))
    assert ran.code == 137
    assert "guest RAM is full" in ran.err
    assert "--ram" in ran.err


def test_program_larger_than_the_guests_memory(tmp_path: Path) -> None:
    ran = pffemu("run", "--ram", "1M", source(tmp_path, "_start: nop\n.data\n.zero 0x200000\n"))
    assert ran.code == 125
    assert ran.err.startswith("pffemu: error: guest RAM is full")


def elf(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "prog"
    path.write_bytes(data)
    return str(path)


def elf_header(kind: int = 2, machine: int = 62, programs: int = 0) -> bytes:
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x400000, 64, 0, 0, 64, 56, programs, 64, 0, 0)


INTERPRETER = struct.pack("<IIQQQQQQ", 3, 4, 64 + 2 * 56, 0, 0, 7, 7, 1)
CODE = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0, 64, 64, 1)

FILES = {
    "empty": (b"", "the file is empty"),
    "no ELF": (b"exit 0\n", "not an ELF file"),
    "script": (b"#!/bin/sh\nexit 0\n", "its interpreter /bin/sh is not in the guest's file tree"),
    "cut in the header": (elf_header()[:40], "truncated"),
    "cut in the program headers": (elf_header(programs=3), "truncated"),
    "32-bit": (b"\x7fELF\x01\x01\x01" + bytes(45), "32-bit"),
    "another machine": (elf_header(machine=183), "AArch64"),
    "dynamically linked": (
        elf_header(programs=2) + INTERPRETER + CODE + b"/ld.so\0",
        "dynamically linked, and its loader /ld.so is not in the guest's file tree",
    ),
    "interpreter without a name": (elf_header(programs=2) + CODE + INTERPRETER + b"/ld.so!", "is not a path"),
    "object file": (elf_header(kind=1), "relocatable"),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_static_elf(tmp_path: Path, name: str) -> None:
    data, part = FILES[name]
    ran = pffemu("run", elf(tmp_path, data))
    assert ran.code == 126
    assert ran.err.startswith(f"pffemu: error: {tmp_path / 'prog'}: ")
    assert part in ran.err
    assert "\n  try: " in ran.err


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_what_a_compiler_makes_by_default(tmp_path: Path) -> None:
    main = tmp_path / "main.c"
    main.write_text("int main(void) { return 0; }\n")
    built = subprocess.run(["gcc", "-o", str(tmp_path / "prog"), str(main)], capture_output=True, check=False)
    if built.returncode:
        pytest.skip("gcc cannot link")
    ran = pffemu("run", str(tmp_path / "prog"))
    assert ran.code == 126
    assert "--libs" in ran.err
    ran = pffemu("run", "--libs", str(tmp_path / "prog"))
    assert (ran.code, ran.err) == (0, "")


SOURCES = {
    "unknown mnemonic": ("_start: nop\nfrobnicate rax\n", "guest.s:2"),
    "undefined label": ("_start: jmp nowhere\n", "guest.s:1"),
    "missing include": ('.include "none.inc"\n_start: nop\n', "guest.s:1"),
    "no code": ("# nothing\n", "guest.s"),
    "no _start": ("begin: nop\n", "no _start"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_source_that_does_not_assemble(tmp_path: Path, name: str) -> None:
    text, part = SOURCES[name]
    ran = pffemu("run", source(tmp_path, text))
    assert ran.code == 126
    assert ran.err.startswith(f"pffemu: error: {tmp_path}")
    assert part in ran.err


def test_source_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "guest.s").write_bytes(b"_start: nop\n# caf\xe9\n")
    ran = pffemu("run", str(tmp_path / "guest.s"))
    assert ran.code == 126
    assert "guest.s:2: not UTF-8 text" in ran.err


def test_missing_file() -> None:
    ran = pffemu("run", "no/such/file.s")
    assert ran.code == 127
    assert ran.err.startswith("pffemu: error: no/such/file.s: ")


def test_directory(tmp_path: Path) -> None:
    ran = pffemu("run", str(tmp_path))
    assert ran.code == 127
    assert "directory" in ran.err


@pytest.mark.parametrize("target", ["no/such/folder/trace", "."])
@pytest.mark.parametrize("option", ["--trace", "--json"])
def test_output_that_cannot_be_written(tmp_path: Path, option: str, target: str) -> None:
    ran = pffemu("run", option, target, source(tmp_path, "_start: hlt\n"))
    assert ran.code == 2
    assert "cannot write" in ran.err


USAGE = {
    "mode": (["run", "--mode", "fast", "x.s"], ["--mode", "kernel", "uffd", "pff"]),
    "bench mode": (["bench", "fault", "--mode", "fast"], ["kernel", "uffd", "pff", "all"]),
    "size": (["run", "--ram", "lots", "x.s"], ["--ram", "is not a size"]),
    "huge": (["run", "--ram", "99999T", "x.s"], ["RAM"]),
    "odd": (["run", "--ram", "1000001", "x.s"], ["whole pages"]),
    "budget": (["run", "--budget", "0", "x.s"], ["--budget"]),
    "cpus": (["run", "--cpus", "0", "x.s"], ["--cpus"]),
    "pages": (["bench", "fault", "--pages", "0"], ["--pages"]),
    "scale": (["bench", "bfs", "--scale", "99", "--edge-factor", "16"], ["--scale"]),
    "no scale": (["bench", "bfs"], ["--scale"]),
    "option": (["run", "--frobnicate"], ["--frobnicate"]),
    "command": (["frobnicate"], ["frobnicate"]),
    "trace of three runs": (["bench", "fault", "--trace", "t"], ["--trace", "--mode"]),
    "plot format": (["bench", "fault", "--plot", "x.doc"], [".png"]),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, parts = USAGE[name]
    source(tmp_path, "_start: hlt\n", "x.s")
    monkeypatch.chdir(tmp_path)
    ran = pffemu(*arguments)
    assert ran.code == 2
    assert [part for part in parts if part not in ran.err] == [], ran.err


def test_bug_of_ours_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("pffemu.cli.guest_machine.open_image", broken)
    ran = pffemu("run", "x.s")
    assert ran.code == 125
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("pffemu: internal error: RuntimeError: two lines (PFFEMU_DEBUG=1 ")
