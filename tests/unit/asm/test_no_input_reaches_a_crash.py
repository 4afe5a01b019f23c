"""keystone aborts, segfaults or hangs on strange input; pffemu answers any text with a Program or an AssemblyError.

A failure of this test is usually the end of the test process: the last source is in the file named by PFFEMU_FUZZ_LOG.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pffemu.asm import assemble, registers
from pffemu.asm.written import known_mnemonics
from pffemu.errors import AssemblyError

GOOD = r"""
.equ N, 0x10*2
.globl _start
.text
_start: mov rax, [rip+_start]   # comment
 mov rbx, fs:[0x28]
 mov dword ptr [0x1000], 5
 mov rdi, qword [rbx+32]
 call fn + 0
1: dec ecx
 jnz 1b
 jmp 1f
1: rep movsb
 senduipi r9
 mov rax, [rbp + rcx*8 - 4]
 push -1
.align 16
fn: ret
.quad fn, 5
.data
msg: .ascii "hi # ; there\n"
msg_len = . - msg
.bss
.skip 64
lock cmpxchg [rdi], rsi
movups xmm0, [rax+16]
mov ah, [rax]
movzx eax, ah
fadd st, st(1)
vaddps ymm0, ymm1, [rax]
imul rax, rbx, 5
mov cr3, rax
bt dword ptr [rax], 5
cvtsi2sd xmm0, qword ptr [rax]
mov eax, [0x1122334455667788]
in al, dx
movabs rax, 0x1122334455667788
loop .
""".strip().split("\n")

PUNCTUATION = [*"[](),:+-*/~#;\\\n\t $%@{}\"'=\0\r", "<<", ">>", "//", "/*", "*/", "{k1}", "{z}", "é", "'a'", '"x"']
NUMBERS = ["0", "1", "-1", "255", "256", "0x7fffffff", "0x80000000", "0xffffffff", "-0x80000001", "0xffffffffffffffff"]
NUMBERS += ["017", "10h", "0b1", "1b", "1f", "0x"]
WORDS = ["ptr", "byte", "word", "dword", "qword", "xmmword", "tbyte", "offset", "short", "rel", "st", "riz", "rip"]
WORDS += ["eip", "k1", "zmm0", "cr5", "lock", "rep", "repne", "data16", "rex64"]
DIRECTIVES = [".text", ".data", ".bss", ".section", ".byte", ".quad", ".align", ".p2align", ".equ", ".macro", ".error"]
DIRECTIVES += [".cfi_startproc", ".rept", ".include", ".org", ".if", ".end", ".comm", ".code32", ".arch", ".fill"]
DIRECTIVES += [".incbin", ".size", ".popsection"]
MNEMONICS = sorted(known_mnemonics())
TOKENS = [*PUNCTUATION, *NUMBERS, *WORDS, *DIRECTIVES, *registers.SIZES]
ADDRESSES = ["rax", "rbp", "r12+rcx*4", "rcx*8", "rip+here", "here", "rax-129", "0x28", "r8d+ebx*2", "rax+rsp", "-8"]
KEYWORDS = [
    "",
    "byte ptr ",
    "word ptr ",
    "dword ptr ",
    "qword ptr ",
    "xmmword ptr ",
    "ymmword ptr ",
    "fs:",
    "qword gs:",
]


def mutated(source: random.Random) -> str:
    text = "\n".join(source.choice(GOOD) for _ in range(source.randint(1, 6)))
    for _ in range(source.randint(0, 5)):
        start = source.randint(0, len(text))
        end = start + source.choice([0, 0, 1, 2, 4])
        piece = source.choice([source.choice(TOKENS), f" {source.choice(MNEMONICS)} ", chr(source.randint(1, 127)), ""])
        text = text[:start] + piece + text[end:]
    return text


def operand(source: random.Random) -> str:
    kind = source.random()
    if kind < 0.5:
        return source.choice(list(registers.SIZES))
    if kind < 0.8:
        return f"{source.choice(KEYWORDS)}[{source.choice(ADDRESSES)}]"
    return source.choice([*NUMBERS[:10], "here", "offset here", "here+8", "."])


def random_instruction(source: random.Random) -> str:
    prefix = source.choice(["", "", "", "", "", "", "lock ", "rep ", "repne "])
    operands = ", ".join(operand(source) for _ in range(source.choice([0, 1, 1, 2, 2, 2, 3, 4])))
    return f"here: nop\n{prefix}{source.choice(MNEMONICS)} {operands}\n"


def refused(text: str) -> AssemblyError | None:
    try:
        assemble(text)
    except AssemblyError as error:
        return error
    return None


@pytest.mark.parametrize("make", [mutated, random_instruction])
def test_any_text_is_answered(make: Callable[[random.Random], str], capfd: pytest.CaptureFixture[str]) -> None:
    source = random.Random(os.environ.get("PFFEMU_FUZZ_SEED", "1"))
    log = os.environ.get("PFFEMU_FUZZ_LOG")
    assembled = 0
    for _ in range(int(os.environ.get("PFFEMU_FUZZ_CASES", "3000"))):
        text = make(source)
        if log:
            Path(log).write_text(text)
        refusal = refused(text)
        assembled += refusal is None
        assert refusal is None or (refusal.where and refusal.remedy), text
    assert assembled > 20  # the mutations are not so wild that nothing is tried
    assert capfd.readouterr().err == ""  # keystone prints warnings about what it ignores
