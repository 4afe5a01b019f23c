"""CR2 and the error code of a data fault: expected by hand, and as this host's CPU reports them for the same code."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pffemu import Exited
from pffemu.arch.pagefault import U, W
from pffemu.events.hw import FramePushed, WalkRefused
from pffemu.hw.fault_address import operands_of
from tests.guest_tools import PAGE, REGION, forwarding_guest, run

BASE: Final = REGION + 3 * PAGE  # the missing page; the page below it is present


class Access(NamedTuple):
    """`code` with rbx = missing page + `at`; rcx = 5, rax = rdx = 0, rsi = rdi = a mapped buffer."""

    code: str
    write: bool
    at: int = 0x40
    fault: int | None = None  # offset of CR2 in the missing page, when it is not `at`


READ, WRITE = False, True
ACCESSES: Final = (
    *(Access(code, READ) for code in (
        "mov rax, [rbx]", "movzx eax, byte ptr [rbx]", "movsxd rax, dword ptr [rbx]", "cmp qword ptr [rbx], 1",
        "test byte ptr [rbx], 1", "add rax, [rbx]", "imul rax, [rbx]", "bt qword ptr [rbx], 3", "push qword ptr [rbx]",
        "cmovz rax, [rbx]", "movaps xmm0, [rbx]", "movups xmm0, [rbx]", "addps xmm0, [rbx]", "paddd xmm0, [rbx]",
        "movq xmm0, qword ptr [rbx]", "cvtsi2sd xmm0, qword ptr [rbx]", "ucomisd xmm0, qword ptr [rbx]",
        "fld qword ptr [rbx]", "fldcw word ptr [rbx]", "ldmxcsr dword ptr [rbx]", "call qword ptr [rbx]",
        "jmp qword ptr [rbx]", "popcnt rax, [rbx]", "xlatb", "mul qword ptr [rbx]",
    )),
    *(Access(code, WRITE) for code in (
        "mov [rbx], rax", "mov byte ptr [rbx], 1", "mov dword ptr [rbx], 1", "movaps [rbx], xmm0", "movups [rbx], xmm0",
        "movq qword ptr [rbx], xmm0", "movss dword ptr [rbx], xmm0", "movhps qword ptr [rbx], xmm0",
        "movnti [rbx], eax", "movntps [rbx], xmm0", "pextrd dword ptr [rbx], xmm0, 1", "fstp qword ptr [rbx]",
        "fnstcw word ptr [rbx]", "stmxcsr dword ptr [rbx]", "sete byte ptr [rbx]", "pop qword ptr [rbx]",
    )),
    # read-modify-write: the first access already asks for a writable page
    *(Access(code, WRITE) for code in (
        "add [rbx], rax", "add qword ptr [rbx], 1", "adc [rbx], rax", "sub [rbx], rax", "sbb [rbx], rax",
        "and [rbx], rax", "or [rbx], rax", "xor [rbx], rax", "inc qword ptr [rbx]", "dec byte ptr [rbx]",
        "neg qword ptr [rbx]", "not dword ptr [rbx]", "xchg [rbx], rax", "xchg rax, [rbx]", "xadd [rbx], rax",
        "lock xadd [rbx], rax", "lock add qword ptr [rbx], 1", "cmpxchg [rbx], rdx", "lock cmpxchg [rbx], rdx",
        "cmpxchg8b qword ptr [rbx]", "cmpxchg16b xmmword ptr [rbx]", "bts qword ptr [rbx], 3",
        "btr qword ptr [rbx], 3", "btc qword ptr [rbx], 3", "lock bts qword ptr [rbx], 3", "shl qword ptr [rbx], 3",
        "sar qword ptr [rbx], cl", "rol word ptr [rbx], 1", "rcr byte ptr [rbx], 1", "shld [rbx], rax, 4",
        "shrd [rbx], rax, cl",
    )),
    # a compare that fails still writes
    Access("mov eax, 7\ncmpxchg [rbx], rdx", WRITE),
    # a register bit index reaches outside the operand
    Access("mov ecx, 1000\nbts [rbx], rcx", WRITE, fault=0x40 + 120),
    Access("mov rcx, -100\nbt [rbx], rcx", READ, fault=0x40 - 16),
    Access("mov ecx, 1000\nbtr [rbx], ecx", WRITE, fault=0x40 + 124),
    # addressing
    Access("mov rax, [rbx + rcx * 8 + 16]", READ, fault=0x40 + 56),
    Access("mov rdx, -4\nmov [rbx + rdx * 8], al", WRITE, fault=0x20),
    Access("mov [rbx + 0x7f], ax", WRITE, fault=0x40 + 0x7F),
    # strings
    Access("mov rdi, rbx\nstosq", WRITE),
    Access("mov rdi, rbx\nrep stosb", WRITE),
    Access("mov rsi, rbx\nlodsq", READ),
    Access("mov rsi, rbx\nmovsb", READ),
    Access("mov rdi, rbx\nmovsq", WRITE),
    Access("mov rdi, rbx\nrep movsq", WRITE),
    Access("mov rsi, rbx\nrep movsb", READ),
    Access("mov rdi, rbx\nscasb", READ),
    Access("mov rdi, rbx\ncmpsb", READ),
    Access("mov rsi, rbx\nrepe cmpsq", READ),
    Access("std\nmov rdi, rbx\nrep stosq\ncld", WRITE),
    Access("mov rdi, rbx\npcmpeqd xmm1, xmm1\nmaskmovdqu xmm0, xmm1", WRITE),
    # the stack
    Access("mov rsp, rbx\npush rax", WRITE, fault=0x38),
    Access("mov rsp, rbx\npushfq", WRITE, fault=0x38),
    Access("mov rsp, rbx\npop rax", READ),
    Access("mov rsp, rbx\npopfq", READ),
    Access("mov rsp, rbx\nret", READ),
    Access("mov rbp, rbx\nleave", READ),
    Access("mov rsp, rbx\ncall rdi", WRITE, fault=0x38),
    # across the edge of the present page below: the address is the missing page's first byte
    Access("mov rax, [rbx]", READ, at=-4, fault=0),
    Access("mov [rbx], rax", WRITE, at=-7, fault=0),
    Access("add [rbx], eax", WRITE, at=-1, fault=0),
    Access("movups xmm0, [rbx]", READ, at=-15, fault=0),
    Access("movups [rbx], xmm0", WRITE, at=-8, fault=0),
    Access("xchg [rbx], rax", WRITE, at=-3, fault=0),
    Access("mov rdi, rbx\nmov ecx, 64\nrep stosb", WRITE, at=-32, fault=0),
    Access("mov rsi, rbx\nmov ecx, 64\nrep movsb", READ, at=-32, fault=0),
    # the first byte and the last
    Access("mov al, [rbx]", READ, at=0),
    Access("mov [rbx], al", WRITE, at=PAGE - 1),
    Access("mov rax, [rbx]", READ, at=PAGE - 8),
)  # fmt: skip
REGISTERS: Final = "mov ecx, 5\nxor eax, eax\nxor edx, edx\n"


def name_of(access: Access) -> str:
    return f"{access.code.splitlines()[-1 if 'cld' not in access.code else -2]} at {access.at}"


def expected(access: Access) -> tuple[int, bool]:
    return (access.at if access.fault is None else access.fault), access.write


@pytest.mark.parametrize("access", ACCESSES, ids=name_of)
def test_cr2_and_the_w_bit_are_those_of_the_instruction(access: Access) -> None:
    body = (
        f"mov rbx, {BASE - PAGE}\nmov al, [rbx]\n"  # the page below
        f"mov rbx, {BASE + access.at}\nlea rsi, [rip + scratch]\nmov rdi, rsi\n{REGISTERS}{access.code}\njmp leave\n"
    )
    done = run(forwarding_guest(body))
    fault = next(event for event in done.of(WalkRefused) if BASE <= event.address < BASE + PAGE)
    offset, write = expected(access)
    assert (fault.address - BASE, fault.error_code) == (offset, U | (W if write else 0))
    # unless the stack itself lies in the missing page, the frame says the same
    if len(done.of(FramePushed)) > 1 or done.stop == Exited(0):
        assert done.frames()[1][4:6] == [fault.address, fault.error_code]


NATIVE_MAIN = r"""
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

extern void (*const rows[])(char *, char *);
extern const int row_count, row_at[];
static sigjmp_buf back;
static char *missing;

static void on_fault(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("%ld %d\n", (long)((char *)registers[REG_CR2] - missing), (int)(registers[REG_ERR] & 3));
    siglongjmp(back, 1);
}

int main(void) {
    static char stack[65536], buffer[4096];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaltstack(&alternative, NULL);
    sigaction(SIGSEGV, &action, NULL);
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4096; i++) pages[i] = 0;
    missing = pages + 4096;
    mprotect(missing, 4096, PROT_NONE);  /* never touched: not present */
    for (int i = 0; i < row_count; i++)
        if (!sigsetjmp(back, 1)) {
            rows[i](missing + row_at[i], buffer);
            printf("none\n");
        }
    return 0;
}
"""


def native_source() -> str:
    rows = [
        f"row_{i}:\nmov rbx, rdi\nmov rdi, rsi\n{REGISTERS}{access.code}\nud2\n" for i, access in enumerate(ACCESSES)
    ]
    table = "\n".join(f".quad row_{i}" for i in range(len(ACCESSES)))
    offsets = "\n".join(f".long {access.at}" for access in ACCESSES)
    return (
        f'.intel_syntax noprefix\n.text\n{"".join(rows)}\n.section .data.rel.ro,"aw"\n.globl rows, row_count, row_at\n'
        f'rows:\n{table}\nrow_at:\n{offsets}\nrow_count: .long {len(ACCESSES)}\n.section .note.GNU-stack,""\n'
    )


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64" or shutil.which("gcc") is None,
    reason="the host is not Linux on x86-64, or has no gcc",
)
def test_this_hosts_cpu_agrees_about_every_access(tmp_path: Path) -> None:
    (tmp_path / "rows.s").write_text(native_source())
    (tmp_path / "main.c").write_text(NATIVE_MAIN)
    program = tmp_path / "oracle"
    command = ["gcc", "-O1", "-w", "-o", str(program), str(tmp_path / "main.c"), str(tmp_path / "rows.s")]
    subprocess.run(command, check=True, capture_output=True, text=True)
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    seen = [(name_of(access), *map(int, line.split())) for access, line in zip(ACCESSES, lines, strict=True)]
    wanted = [(name_of(access), *expected(access)) for access in ACCESSES]
    assert seen == [(name, offset, W if write else 0) for name, offset, write in wanted]


def test_bts_of_a_word_behind_f2_and_f3_counts_bits_in_words() -> None:
    """SDM vol. 2, BTS: the bit's word is at the address + 2 * (offset div 16)."""
    operands = operands_of(bytes.fromhex("2ef2f366460fab540d00"))
    (operand,) = operands.all
    assert operand.size == 2
