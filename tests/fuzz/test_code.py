"""Random instructions: budgets are exact and change nothing. `python -m tests.fuzz code` runs a million."""

from __future__ import annotations

from pathlib import Path

import pytest

from pffemu import CpuOptions, Exited, Machine, assemble
from pffemu.machine.stop import BudgetUsedUp
from tests.fuzz import code


@pytest.mark.parametrize("seed", [20, 4_000])
def test_random_instructions(seed: int, tmp_path: Path) -> None:
    assert code.run_one(tmp_path, seed) == code.SLOTS


@pytest.mark.parametrize("octets", ["f3a5", "f2a5", "f3f2a5", "f2f3a5", "f2ab", "f2ac"])
def test_a_string_instruction_counts_once_behind_any_prefix(octets: str) -> None:
    source = "_start: lea rsi, [rip + d]\nlea rdi, [rip + d]\nmov ecx, 3000\n.byte BYTES\nmov eax, 60\nxor edi, edi\n"
    numbers = ", ".join(f"{each:#x}" for each in bytes.fromhex(octets))
    for compiled in (False, True):
        for budget in (3, 4, 5):
            machine = Machine(ram=16 << 20, cpus=1, cpu=CpuOptions(compiled=compiled))
            machine.load(assemble(source.replace("BYTES", numbers) + "syscall\n.data\nd: .space 20000\n"))
            assert isinstance(machine.run(budget), BudgetUsedUp)
            assert machine.instructions == budget
        assert machine.run() == Exited(0)
        assert machine.instructions == 7


_OWN_BLOCK = {
    "the last of 23 times `add [rax], al; mov [rax], eax`": """
        lea rax, [rip + code + 89]
        jmp code
        .balign 64
        code: .rept 23
        .byte 0x00, 0x00, 0x89, 0x00
        .endr
        .byte 0x0f, 0x0b""",
    "an operand, 50 times": """
        mov ecx, 50
        code: nop
        inc dword ptr [rip + operand - 4]
        mov eax, 5
        operand: add ebx, eax
        dec ecx
        jnz code
        ud2""",
    "an operand, from the first instruction of the block": """
        mov ecx, 50
        code: inc dword ptr [rip + operand - 4]
        mov eax, 5
        operand: add ebx, eax
        dec ecx
        jnz code
        ud2""",
    "two operands, by two instructions": """
        mov ecx, 20
        code: inc dword ptr [rip + operand - 4]
        inc dword ptr [rip + other - 4]
        mov eax, 5
        operand: mov eax, 6
        other: dec ecx
        jnz code
        ud2""",
    "an instruction that becomes another one": """
        mov ecx, 9
        code: xor byte ptr [rip + place], 8
        place: inc eax
        add ebx, eax
        dec ecx
        jnz code
        ud2""",
    "itself": """
        mov ecx, 9
        code: mov byte ptr [rip + code + 6], 7
        mov edx, 1
        dec ecx
        jnz code
        ud2""",
    "nothing: a loop in the middle of its first block": """
        mov ecx, 9
        code: mov edx, 1
        again: dec ecx
        jnz again
        ud2""",
    "nothing: a branch behind BND to its own second byte": """
        mov eax, -1
        test eax, eax
        code: .byte 0x66, 0xf2, 0x4f, 0x7c, 0xfc
        ud2""",
    "nothing: a branch to POPF in its middle": """
        mov ecx, 9
        code: push 2
        lea rax, [rip + inside]
        mov [rsp - 99], rax
        .byte 0xff, 0x64, 0x24
        inside: .byte 0x9d
        dec ecx
        jnz code
        ud2""",
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("code", _OWN_BLOCK.values(), ids=_OWN_BLOCK)
def test_a_store_into_the_running_block_is_exact(code: str, compiled: bool) -> None:
    source = f"""
        _start: mov eax, 10
        mov edi, 0x400000
        mov esi, 0x2000
        mov edx, 7
        syscall
        {code}
        .space 64
    """
    ends = []
    for piece in (1, 5, 500):
        machine = Machine(ram=16 << 20, cpus=1, cpu=CpuOptions(compiled=compiled))
        machine.load(assemble(source))
        while isinstance(machine.run(piece), BudgetUsedUp) and machine.instructions < 500:
            pass
        cpu = machine.cpus[0]
        ends.append((machine.instructions, cpu.clock, [cpu.registers[name] for name in ("rip", "rbx", "rcx")]))
    assert ends[0] == ends[1] == ends[2]
    if "inside" in code:
        assert ends[0][0] == 6 + 9 * 7


def test_every_opcode_has_every_prefix() -> None:
    class First:
        def randbytes(self, size: int) -> bytes:
            return bytes(size)

        def random(self) -> float:
            return 1.0

    codes = {code.instruction(number, First()) for number in range(code.KINDS)}  # type: ignore[arg-type]
    assert len(codes) > 0.9 * code.KINDS  # some are the same bytes: an opcode that is a prefix
    assert bytes.fromhex("f00fba").ljust(15, b"\0") in codes
    assert bytes.fromhex("664f0f3aff").ljust(15, b"\0") in codes
