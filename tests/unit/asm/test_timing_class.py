"""The timing class of an instruction follows from its text."""

from __future__ import annotations

import pytest

from pffemu import assemble
from pffemu.asm import timing_classes

CLASSES = {
    "add rax, rbx": "simple", "lea rax, [rbx + 8]": "simple", "nop": "simple", "popcnt rax, rbx": "simple",
    "mov rax, [rbx]": "load", "add rax, [rbx]": "load", "cmp qword ptr [rbx], 1": "load", "pop rax": "load",
    "test byte ptr [rbx], 1": "load", "movaps xmm0, [rbx]": "load",
    "mov [rbx], rax": "store", "inc qword ptr [rbx]": "store", "push rax": "store", "push qword ptr [rbx]": "store",
    "sete byte ptr [rbx]": "store", "movaps [rbx], xmm0": "store",
    "jne 1f\n1:": "branch", "call rax": "branch", "ret": "branch", "jmp qword ptr [rbx]": "branch",
    "imul rax, rbx": "multiply", "mul qword ptr [rbx]": "multiply", "div rbx": "divide",
    "idiv dword ptr [rbx]": "divide",
    "addps xmm0, xmm1": "vector", "lock inc qword ptr [rbx]": "atomic", "xchg [rbx], rax": "atomic",
    "xchg rbx, rax": "simple", "rep movsq": "rep", "repne scasb": "rep", "syscall": "",
    ".byte 0xf2\njne 1f\n1:": "branch", ".byte 0xf2\nret": "branch", ".byte 0xf2\njmp qword ptr [rbx]": "branch",
    ".byte 0x3e\njmp rax": "branch", ".byte 0xf2, 0x3e\njmp rax": "branch", ".byte 0xf2\nxchg [rbx], rax": "atomic",
    ".byte 0xf2\nlock inc qword ptr [rbx]": "atomic", ".byte 0xf0, 0xf3\ninc qword ptr [rbx]": "atomic",
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CLASSES.items())
def test_class(source: str, expected: str) -> None:
    program = assemble(f"_start: {source}\n")
    code = bytes(program.sections[0].data)
    assert timing_classes(code) == [expected]
