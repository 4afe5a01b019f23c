"""One list of system calls, run by this host's Linux and by the kernel model: do both answer alike?

A scenario is a list of rows; addresses and descriptors in it are literal, because both sides start alike: descriptors
0 to 2 open, AREA free, BUFFER mapped. Results: what calls return and what `load` rows find.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kernel_model.abi.uapi import Sys
from pffemu import Exited
from tests.guest_tools import PAGE, build, run

AREA: Final = 0x1000_0000  # free
BUFFER: Final = 0x2000_0000  # BUFFER_PAGES pages, zero
BUFFER_PAGES: Final = 8
STDIN: Final = b"hello"
_M64: Final = (1 << 64) - 1
_OPS: Final = ("call", "store", "load", "touch", "dirty", "join", "placed", "end")


@dataclass(frozen=True)
class Row:
    op: str
    words: tuple[int, ...] = ()

    def encoded(self) -> list[int]:
        words = [_OPS.index(self.op), *self.words]
        return [word & _M64 for word in words] + [0] * (8 - len(words))


def call(name: str | int, *arguments: int) -> Row:
    """A system call; its result counts."""
    return Row("call", (Sys[name.upper()] if isinstance(name, str) else name, *arguments))


def placed(name: str, *arguments: int) -> Row:
    """A system call that returns an address of the kernel's choice: success counts as 0."""
    return Row("placed", (Sys[name.upper()], *arguments))


def store(address: int, value: int) -> Row:
    """A 64-bit store by the calling thread."""
    return Row("store", (0, address, value))


def load(address: int) -> Row:
    """A 64-bit load by the calling thread; its value counts."""
    return Row("load", (0, address))


def touch(address: int) -> Row:
    """A new thread reads a byte there."""
    return Row("touch", (0, address))


def dirty(address: int) -> Row:
    """A new thread stores a byte (1) there."""
    return Row("dirty", (0, address))


def join() -> Row:
    """Wait for all those threads."""
    return Row("join")


@dataclass
class Results:
    """Results with names: errno for small negative values."""

    values: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rows: list[Row], words: list[int]) -> Results:
        counted = [row for row in rows if row.op in ("call", "load", "placed")]
        assert len(counted) == len(words)
        return cls([f"{_describe(row)} = {_named(word)}" for row, word in zip(counted, words, strict=True)])


def _describe(row: Row) -> str:
    if row.op == "load":
        return f"[{row.words[1]:#x}]"
    number, *arguments = row.words
    name = Sys(number).name.lower() if number in iter(Sys) else str(number)
    return f"{name}({', '.join(hex(a) for a in arguments)})"


def _named(word: int) -> str:
    signed = word - (1 << 64) if word >> 63 else word
    return errno.errorcode.get(-signed, str(signed)) if -4096 < signed < 0 else hex(signed)


# -- the kernel model ---------------------------------------------------------------------------------------------

_GUEST = """
.include "pff.inc"
.text
.globl _start
_start:
    lea rbx, [rip + rows]
    lea r14, [rip + results]
    lea r15, [rip + stacks]
next:
    mov rax, [rbx]
    cmp eax, 1
    je do_store
    cmp eax, 2
    je do_load
    cmp eax, 3
    je do_thread
    cmp eax, 4
    je do_thread
    cmp eax, 5
    je do_join
    cmp eax, 7
    je do_end
    mov rax, [rbx + 8]
    mov rdi, [rbx + 16]
    mov rsi, [rbx + 24]
    mov rdx, [rbx + 32]
    mov r10, [rbx + 40]
    mov r8, [rbx + 48]
    mov r9, [rbx + 56]
    syscall
    cmp qword ptr [rbx], 6
    jne record
    cmp rax, -4096
    ja record
    xor eax, eax
record:
    mov [r14], rax
    add r14, 8
advance:
    add rbx, 64
    jmp next
do_store:
    mov rax, [rbx + 16]
    mov rcx, [rbx + 24]
    mov [rax], rcx
    jmp advance
do_load:
    mov rax, [rbx + 16]
    mov rax, [rax]
    jmp record
do_thread:
    inc dword ptr [rip + started]
    add r15, 4096
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    mov rsi, r15
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test eax, eax
    jnz advance
    mov rax, [rbx + 16]
    cmp qword ptr [rbx], 4
    je 1f
    mov cl, [rax]
    jmp 2f
1:  mov byte ptr [rax], 1
2:  lock inc dword ptr [rip + done]
    mov eax, SYS_exit
    xor edi, edi
    syscall
do_join:
    mov eax, SYS_sched_yield
    syscall
    mov eax, [rip + done]
    cmp eax, [rip + started]
    jne do_join
    jmp advance
do_end:
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
.data
started: .long 0
done:    .long 0
results: .zero 4096
stacks:  .zero 65536
rows:
"""


def _with_buffer(rows: list[Row]) -> list[Row]:
    flags = 0x02 | 0x10 | 0x20 | 0x8000  # MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_POPULATE
    return [call("mmap", BUFFER, BUFFER_PAGES * PAGE, 3, flags, -1, 0), *rows, Row("end")]


def on_the_model(rows: list[Row]) -> list[str]:
    """The kernel model's results, by a guest."""
    rows = _with_buffer(rows)
    table = "\n".join(".quad " + ", ".join(map(hex, row.encoded())) for row in rows)
    done = run(build(_GUEST + table + "\n"), stdin=STDIN, cpus=2)
    assert done.stop == Exited(0), done.stop
    count = sum(row.op in ("call", "load", "placed") for row in rows)
    return Results.of(rows, done.words("results", count)).values


# -- Linux --------------------------------------------------------------------------------------------------------

_C = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef unsigned long u64;
static u64 rows[4096][8], results[4096];

static long raw(u64 *row) {
    register long r10 asm("r10") = row[5], r8 asm("r8") = row[6], r9 asm("r9") = row[7];
    long result = row[1];
    asm volatile("syscall" : "+a"(result) : "D"(row[2]), "S"(row[3]), "d"(row[4]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

static void *reach(void *argument) {
    u64 *row = argument;
    volatile char *at = (char *)row[2];
    if (row[0] == 4) *at = 1; else (void)*at;
    return NULL;
}

int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "r");
    int count = 0, found = 0, threads = 0;
    pthread_t thread[64];
    while (fscanf(file, "%lx", &rows[count / 8][count % 8]) == 1) count++;
    fclose(file);
    for (int i = 0; rows[i][0] != 7; i++) {
        u64 *row = rows[i];
        switch (row[0]) {
        case 0: results[found++] = raw(row); break;
        case 1: *(volatile u64 *)row[2] = row[3]; break;
        case 2: results[found++] = *(volatile u64 *)row[2]; break;
        case 3: case 4: pthread_create(&thread[threads++], NULL, reach, row); break;
        case 5: while (threads) pthread_join(thread[--threads], NULL); break;
        case 6: { long r = raw(row); results[found++] = r > -4096 && r < 0 ? r : 0; break; }
        }
    }
    file = fopen(argv[2], "w");
    for (int i = 0; i < found; i++) fprintf(file, "%lx\n", results[i]);
    fclose(file);
    _exit(0);
}
"""


class Linux:
    """This host's kernel, reached through one small C program."""

    def __init__(self, directory: Path) -> None:
        source, self._program, self._directory = directory / "rows.c", directory / "rows", directory
        source.write_text(_C)
        command = ["gcc", "-O1", "-w", "-pthread", "-o", str(self._program), str(source)]
        subprocess.run(command, check=True, capture_output=True)

    def results(self, rows: list[Row], *, stdin_stays_open: bool = False) -> list[str]:
        """`stdin_stays_open`: the pipe's other end does (so that poll reports no hang-up), and reading on blocks."""
        rows = _with_buffer(rows)
        table, answers = self._directory / "table", self._directory / "answers"
        table.write_text("\n".join(" ".join(f"{word:x}" for word in row.encoded()) for row in rows))
        command = [self._program, str(table), str(answers)]
        reading_end, writing_end = os.pipe()
        os.write(writing_end, STDIN)
        if not stdin_stays_open:
            os.close(writing_end)
        try:
            subprocess.run(command, check=True, stdin=reading_end, capture_output=True, timeout=20)
        finally:
            os.close(reading_end)
            if stdin_stays_open:
                os.close(writing_end)
        return Results.of(rows, [int(line, 16) for line in answers.read_text().split()]).values


def why_not_here() -> str:
    """Why this host cannot be the oracle; empty: it can."""
    if not Path("/proc/sys/vm").is_dir() or shutil.which("gcc") is None:
        return "needs Linux and gcc"
    return ""
