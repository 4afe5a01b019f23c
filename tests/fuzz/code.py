"""Instructions of all kinds in a machine: it stays up, a budget is exact, and what happens does not depend on budgets.

Each batch is a guest with a few hundred slots: an instruction with random operands, then a jump back. A handler on a
stack of its own takes the signals, a timer ends the loops. The batch runs twice: in one go, and in pieces of random
length, single steps among them. Both come to the same state, and each piece ends at its last instruction.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path
from typing import Final

from guest.paths import INCLUDE
from pffemu import CpuOptions, Machine, Mode, assemble
from pffemu.asm import Program
from pffemu.machine.stop import BudgetUsedUp, Stop
from pffemu.state.machine_hash import machine_hash, state_lines
from tests.fuzz.batch import Nowhere

SLOTS: Final = 300  # in a batch
_SLOT: Final = 48  # bytes
_CODE: Final = 0x1000_0000  # may be read and executed, and under every other seed written
_VIEW: Final = 0x3000_0000  # the same pages, under every third seed to read and write, or for everything
_VIEW_RIGHTS: Final = (0, 0, 3, 0, 0, 7)
_DATA: Final = 0x2000_0000  # 8 pages to read and write, one to read, one for nothing, then a hole
_DATA_PAGES: Final = 10
_PAGE: Final = 4096
_RAM: Final = 16 << 20  # bytes
_BUDGET: Final = 60_000  # instructions
_PIECES: Final = (1, 1, 2, 3, 5, 17, 100, 1000, 10_000)  # instructions
_WORDS: Final = 17  # RFLAGS and the registers but R15 and RSP, then these
_MASK: Final = (1 << 64) - 1
_REGISTERS: Final = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14")

_SOURCE: Final = f"""
.include "pff.inc"
.text
_start:
    mov eax, SYS_memfd_create
    lea rdi, [rip + action]
    xor esi, esi
    syscall
    mov r8d, eax
    mov edi, eax
    mov esi, code_end - code
    mov eax, SYS_ftruncate
    syscall
    mov edi, {_VIEW:#x}
    mov esi, code_end - code
    mov edx, [rip + view_rights]
    mov r10d, MAP_SHARED | MAP_FIXED
    call map
    mov edi, {_CODE:#x}
    mov esi, code_end - code
    mov edx, 7
    call map
    mov edi, {_DATA:#x}
    mov esi, {_DATA_PAGES * _PAGE}
    mov edx, 3
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    call map
    cld
    mov edi, {_CODE:#x}
    lea rsi, [rip + code]
    mov ecx, code_end - code
    rep movsb
    mov eax, SYS_mprotect
    mov edi, {_CODE:#x}
    mov esi, code_end - code
    mov edx, [rip + rights]
    syscall
    mov edi, {_DATA:#x}
    lea rsi, [rip + registers]
    mov ecx, {8 * _PAGE}
    rep movsb
    mov eax, SYS_mprotect
    mov edi, {_DATA + 8 * _PAGE:#x}
    mov esi, 4096
    mov edx, 1
    syscall
    mov eax, SYS_mprotect
    mov edi, {_DATA + 9 * _PAGE:#x}
    mov esi, 4096
    xor edx, edx
    syscall
    mov eax, SYS_sigaltstack
    lea rdi, [rip + signal_stack]
    xor esi, esi
    syscall
    lea rbx, [rip + signals]
1:  movzx edi, byte ptr [rbx]
    test edi, edi
    jz 2f
    mov eax, SYS_rt_sigaction
    lea rsi, [rip + action]
    xor edx, edx
    mov r10d, 8
    syscall
    inc rbx
    jmp 1b
2:  mov eax, SYS_setitimer
    mov edi, 1
    lea rsi, [rip + interval]
    xor edx, edx
    syscall
next:
    lea rsp, [rip + stack_top]
    mov r15, [rip + slot]
    cmp r15, {SLOTS}
    jae done
    inc qword ptr [rip + slot]
    imul rax, r15, {_SLOT}
    add rax, {_CODE:#x}
    mov [rip + target], rax
    imul r15, r15, {8 * _WORDS}
    lea rax, [rip + registers]
    add r15, rax
    mov byte ptr [rip + in_slot], 1
    push qword ptr [r15]
    popfq
LOAD
    mov rsp, [r15 + {8 * (_WORDS - 1)}]
    mov r15, [r15 + {8 * (_WORDS - 2)}]
    jmp qword ptr [rip + target]
back:
    mov byte ptr [rip + in_slot], 0
    lea rsp, [rip + stack_top]
    push 2
    popfq
    jmp next
on_signal:
    push 2
    popfq
    cmp byte ptr [rip + in_slot], 0
    je 1f
    mov byte ptr [rip + in_slot], 0
    jmp next
1:  cmp edi, SIGVTALRM
    je 2f
    inc dword ptr [rip + lost]
    cmp dword ptr [rip + lost], 100
    jb next
done:
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
2:  ret
back_from_signal:
    mov eax, SYS_rt_sigreturn
    syscall
map:
    mov eax, SYS_mmap
    xor r9d, r9d
    syscall
    ret
.data
rights: .quad 5
view_rights: .quad 0
slot: .quad 0
target: .quad 0
in_slot: .quad 0
lost: .quad 0
interval: .quad 0, 5, 0, 5
signal_stack: .quad signal_stack_start, 0, 65536
action: .quad on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER, back_from_signal, 0
signals: .byte 4, 5, 7, 8, 11, 26, 31, 0
.balign 16
code: .space {SLOTS * _SLOT}
code_end: .quad 0
registers: .space {max(SLOTS * 8 * _WORDS, 8 * _PAGE)}
.bss
.balign 16
stack: .zero 4096
stack_top: .zero 64
signal_stack_start: .zero 65536
"""

_PREFIXES: Final = (
    b"", b"\x66", b"\xf2", b"\xf3", b"\xf0", b"\x67", b"\x64", b"\xf0\x66", b"\xf0\xf2", b"\xf0\xf3", b"\x66\xf2",
    b"\x66\xf3", b"\x66\x67", b"\x2e", b"\x65\xf0", b"\xf3\xf2",
)  # fmt: skip
_REX: Final = (b"", b"\x48", b"\x41", b"\x4f")
_MAPS: Final = (b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a")
KINDS: Final = len(_MAPS) * 256 * len(_PREFIXES) * len(_REX)
_STRIDE: Final = 25_717  # prime: so that neighbours differ in everything
_SPECIAL: Final = (  # ModRM bytes: registers, [rax], [rip + disp32], an index, disp8
    0xC0, 0xC1, 0xC8, 0xD0, 0xE0, 0xE9, 0xF0, 0xF8, 0x00, 0x08, 0x38, 0x05, 0x04, 0x44, 0x43, 0x7B,
)  # fmt: skip


@cache
def _program() -> Program:
    load = "\n".join(f"    mov {name}, [r15 + {8 + 8 * i}]" for i, name in enumerate(_REGISTERS))
    return assemble(_SOURCE.replace("LOAD", load), include_dirs=(INCLUDE,))


def instruction(number: int, source: random.Random) -> bytes:
    """15 bytes that begin with the `number`-th of all prefixes and opcodes."""
    number = number * _STRIDE % KINDS
    number, prefix = divmod(number, len(_PREFIXES))
    number, rex = divmod(number, len(_REX))
    table, opcode = divmod(number, 256)
    tail = source.randbytes(14)
    if source.random() < 0.5:
        tail = bytes((source.choice(_SPECIAL),)) + tail
    return (_PREFIXES[prefix] + _REX[rex] + _MAPS[table] + bytes((opcode,)) + tail)[:15]


def _slots(first: int, source: random.Random, back: int) -> bytes:
    octets = bytearray()
    for i in range(SLOTS):
        code = source.randbytes(15) if source.random() < 0.1 else instruction(first + i, source)
        # what is left of the 15 bytes mostly does nothing, so that the instruction is alone
        if source.random() < 0.8:
            code = code[: source.randrange(3, 13)]
        jump = _CODE + len(octets) + _SLOT
        octets += code.ljust(_SLOT - 5, b"\x90") + b"\xe9" + struct.pack("<i", back - jump)
    return bytes(octets)


def _registers(source: random.Random) -> bytes:
    rows = []
    for _ in range(SLOTS):
        flags = source.getrandbits(12) & 0x8D5 | 0x202 | (source.random() < 0.1) << 10 | (source.random() < 0.03) << 18
        flags |= (source.random() < 0.03) << 8
        rows += [flags, *(_word(source) for _ in range(_WORDS - 2)), _DATA + 16 * source.randrange(8 * _PAGE // 16)]
    return struct.pack(f"<{len(rows)}Q", *rows)


def _word(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.5:
        return _DATA + source.choice((source.randrange(_DATA_PAGES * _PAGE), source.randrange(9) * _PAGE - 4))
    if kind < 0.6:
        return source.choice((_CODE, _VIEW)) + source.randrange(SLOTS * _SLOT)
    if kind < 0.8:
        return source.randrange(300)
    if kind < 0.9:
        return source.choice((0, 1, 1 << 31, (1 << 32) - 1, 1 << 47, (1 << 63) - 1, 1 << 63, _MASK, -0x1000 & _MASK))
    return source.getrandbits(64)


def _machine(seed: int) -> Machine:
    source = random.Random(f"code {seed}")
    options = CpuOptions(
        compiled=source.random() < 0.8, exact_float=source.random() < 0.3, check_alignment=source.random() < 0.3
    )
    machine = Machine(
        ram=_RAM, cpus=1, mode=source.choice((Mode.UFFD, Mode.PFF)), cpu=options, stdout=Nowhere(), stderr=Nowhere()
    )
    program = _program()
    machine.load(program)
    machine.memory.write(program.symbols["rights"], bytes((5 + 2 * (seed & 1),)))
    machine.memory.write(program.symbols["view_rights"], bytes((_VIEW_RIGHTS[seed % len(_VIEW_RIGHTS)],)))
    machine.memory.write(program.symbols["code"], _slots(seed * SLOTS, source, program.symbols["back"]))
    machine.memory.write(program.symbols["registers"], _registers(source))
    return machine


def _run_in_pieces(machine: Machine, source: random.Random) -> Stop:
    left = _BUDGET
    while True:
        piece = min(left, source.choice(_PIECES))
        before = machine.instructions
        stop = machine.run(piece)
        ran = machine.instructions - before
        if not isinstance(stop, BudgetUsedUp):
            return stop
        assert ran == piece, f"{ran} instructions with a budget of {piece}, {before} before"
        left -= piece
        if not left:
            return stop


def run_one(_folder: Path, seed: int) -> int:
    """Run the batch; how many of its slots began. Raises what must not be raised."""
    whole, parted = _machine(seed), _machine(seed)
    stop = whole.run(_BUDGET)
    assert whole.instructions <= _BUDGET
    other = _run_in_pieces(parted, random.Random(f"pieces {seed}"))
    if machine_hash(whole) != machine_hash(parted):
        one, two = list(state_lines(whole)), list(state_lines(parted))
        different = [f"{a} | {b}" for a, b in zip(one, two, strict=False) if a != b]
        raise AssertionError(f"in one go and in pieces: {stop} | {other}\n" + "\n".join(different[:20] or ["RAM"]))
    address = _program().symbols["slot"]
    return min(SLOTS, int.from_bytes(whole.memory.read(address, 8), "little"))
