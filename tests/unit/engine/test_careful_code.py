"""Careful instructions: stopped in front of, at every speed, whatever else looks at the same place."""

from __future__ import annotations

import pytest

from guest.paths import INCLUDE
from kernel_model.abi.uapi import Signal
from pffemu import CpuOptions, Exited, Killed, Machine, assemble
from pffemu.hw import careful
from pffemu.machine.stop import BudgetUsedUp
from tests.guest_tools import load, plain_guest, run

AVX = ".byte 0xc5, 0xf8, 0x58, 0xc1"  # vaddps xmm0, xmm0, xmm1
RESERVED_NOPS = ".byte 0x0f, 0x1b, 0xc0\n.byte 0x0f, 0x1d, 0xc0\n"


@pytest.mark.parametrize("counting", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_what_cpuid_does_not_announce_is_refused_at_every_speed(counting: bool, compiled: bool) -> None:
    body = f"mov ecx, 3\nagain: dec ecx\njnz again\n{AVX}\n"
    done = load(plain_guest(body), counting=counting, compiled=compiled)
    stop = done.machine.run()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGILL
    assert done.cpu.registers["rip"] - done.symbol("again") == 4


def test_encodings_no_disassembler_knows_count_one_and_can_be_stepped() -> None:
    whole = run(plain_guest(RESERVED_NOPS + "nop\nxor edi, edi\n"))
    one = load(plain_guest(RESERVED_NOPS + "nop\nxor edi, edi\n"))
    seen = []
    for _ in range(3):
        one.go(budget=1)
        seen.append(one.cpu.registers["rip"] - one.symbol("_start"))
    assert seen == [3, 6, 7]
    assert whole.machine.instructions == run(plain_guest("nop\nnop\nnop\nxor edi, edi\n")).machine.instructions


def test_a_careful_instruction_is_counted_once_and_ends_no_budget_early() -> None:
    body = (
        "mov rax, -1\nmov ecx, 40\n"
        "again: cmpxchg dword ptr [rsp - 64], edx\nrcl qword ptr [rsp - 64], 1\ndec ecx\njnz again\n"
    )
    whole = run(plain_guest(body + "xor edi, edi\n"))
    sliced = load(plain_guest(body + "xor edi, edi\n"))
    while sliced.machine.instructions < whole.machine.instructions:
        before = sliced.machine.instructions
        sliced.go(budget=1)
        assert sliced.machine.instructions == before + 1
    assert sliced.cpu.registers["rax"] == whole.cpu.registers["rax"]


def test_a_breakpoint_at_a_careful_instruction_comes_first_every_time() -> None:
    body = (
        "mov rax, -1\nmov ecx, 3\nagain: nop\nthere: cmpxchg dword ptr [rsp - 64], edx\ndec ecx\njnz again\n"
        "xor edi, edi\n"
    )
    done = load(plain_guest(body))
    for left in (3, 2, 1):
        stop = done.machine.run(until=["there"])
        assert type(stop).__name__ == "Reached"
        assert done.cpu.registers["rcx"] == left


def test_code_that_changes_is_counted_as_it_is_now() -> None:
    """The same place holds first one long instruction, then five short ones."""
    store = "".join
    long, short = bytes.fromhex("0f1f440000c3"), bytes.fromhex("9090909090")
    body = (
        "mov eax, SYS_mmap\nxor edi, edi\nmov esi, 4096\nmov edx, PROT_READ | PROT_WRITE | PROT_EXEC\n"
        "mov r10d, MAP_PRIVATE | MAP_ANONYMOUS\nmov r8, -1\nxor r9d, r9d\nsyscall\nmov rbx, rax\n"
        + store(f"mov byte ptr [rbx + {i}], {octet:#x}\n" for i, octet in enumerate(long))
        + "call rbx\n"
        + store(f"mov byte ptr [rbx + {i}], {octet:#x}\n" for i, octet in enumerate(short))
    )
    once = run(plain_guest(body + "xor edi, edi\n")).machine.instructions
    twice = run(plain_guest(body + "call rbx\nxor edi, edi\n")).machine.instructions
    assert twice - once == 7  # CALL, five NOPs, RET


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("c5f058c2", True), ("62f17c4858c2", True), ("8fe97812c0", True), ("0f01d0", True), ("f30fb8c0", False),
        ("f30fbcc0", False), ("f08900", True), ("f00100", False), ("0f30", True), ("0f1bc0", False),
        ("f30f1efa", False), ("660faef0", True), ("0f38f000", True), ("0fc7f0", True),
    ],
)  # fmt: skip
def test_the_table_refuses_what_no_cpuid_bit_covers(code: str, refused: bool) -> None:
    row = careful.row(bytes.fromhex(code) + bytes(8))
    assert (row is not None and row.trap is not None) is refused


def test_alignment_is_looked_at_when_asked_for() -> None:
    body = "lea rbx, [rsp - 100]\nand rbx, -16\nmovaps xmm0, [rbx]\nmovups xmm0, [rbx + 1]\n"
    body += "movaps xmm0, [rbx + 4]\n"
    assert not isinstance(run(plain_guest(body + "xor edi, edi\n")).stop, Killed)
    stop = run(plain_guest(body + "xor edi, edi\n"), check_alignment=True).stop
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV


def test_hooks_are_compiled_also_where_a_page_has_bytes_that_must_not_be_translated() -> None:
    body = "jmp on\n.byte 0xf0, 0x0f, 0xab, 0xc8\non: mov ecx, 400000\nagain: dec ecx\njnz again\nxor edi, edi\n"
    done = load(plain_guest(body))
    done.go(budget=100)
    done.cpu.engine.end_warm_up()
    assert done.go(budget=2_000_000) == Exited(0)


def test_lock_bts_of_a_register_is_refused() -> None:
    stop = run(plain_guest("nop\n.byte 0xf0, 0x0f, 0xab, 0xc8\nxor edi, edi\n")).stop
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGILL


@pytest.mark.parametrize("body", ["", "jmp on\n.balign 4096\non: "], ids=["of the program", "of a page"])
def test_lock_bts_at_the_very_start_is_an_invalid_opcode(body: str) -> None:
    stop = run(plain_guest(body + ".byte 0xf0, 0x0f, 0xab, 0xe8\nxor edi, edi\n")).stop
    assert stop.exit_code == 128 + 4


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "instruction", ["rcl qword ptr [rbx], 1", "sete byte ptr [rbx]", "cmpxchg dword ptr [rbx], edx"]
)
def test_a_fault_of_an_instruction_with_a_hook_keeps_the_flags_of_before(instruction: str, compiled: bool) -> None:
    """The third round faults, with other flags than the two before it."""
    body = (
        "mov ecx, 3\nmov esi, 1\nlea rbx, [rsp - 64]\njmp again\n"
        f"again: xor eax, eax\ncmp esi, 5\nthere: {instruction}\ndec ecx\ncmp ecx, 1\njne again\n"
        "xor ebx, ebx\nmov esi, 0x10\njmp again\n"
    )
    done = load(plain_guest(body), compiled=compiled)
    stop = done.machine.run()
    assert isinstance(stop, Killed)
    assert done.cpu.registers["rip"] == done.symbol("there")
    assert done.cpu.registers["rflags"] & 0x8D5 == 0x10  # 0x10 - 5: AF


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("upper", [0, 1])
def test_cmpxchg_of_32_bits_keeps_the_upper_half_of_rax_when_it_succeeds(upper: int, compiled: bool) -> None:
    body = (
        f"mov ecx, 5\nmov rax, {upper << 32:#x}\nlea rbx, [rsp - 64]\nmov dword ptr [rbx], 0\nxor edx, edx\njmp again\n"
        "again: cmpxchg dword ptr [rbx], edx\njnz wrong\ndec ecx\njnz again\n"
        "shr rax, 32\nmov edi, eax\nmov eax, 60\nsyscall\nwrong: ud2\n"
    )
    done = load(plain_guest(body), compiled=compiled)
    assert done.machine.run() == Exited(upper)


def test_an_indirect_jump_behind_gs_and_es_takes_the_base_of_gs() -> None:
    row = careful.row(bytes.fromhex("652647ff642f08"))
    assert row is not None
    assert row.executor == "near_branch"


def test_evex_is_undefined_before_its_end_is_looked_for() -> None:
    row = careful.row(bytes.fromhex("653636656213a50857bccf592bdf08"))
    assert row is not None
    assert row.trap is not None
    assert row.trap.vector == 6  # #UD, not #GP for 16 bytes


def test_pop_to_memory_reads_the_stack_before_it_looks_at_its_target() -> None:
    body = "mov ebx, 0x1004\npushfq\nor dword ptr [rsp], 0x40000\npopfq\nxor esp, esp\npop qword ptr [rbx]\n"
    stop = run(plain_guest(body)).stop
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV


EVERY_WAY_TO_ONE_FRAME = """
.include "pff.inc"
.equ A, 0x20000000
.equ B, 0x30003000
.equ BYTES, 0xe8ba0ff065
_start: mov eax, SYS_memfd_create
    lea rdi, [rip + name]
    xor esi, esi
    syscall
    mov ebx, eax
    mov edi, eax
    mov esi, 8192
    mov eax, SYS_ftruncate
    syscall
    mov edi, A
    call map
    mov edi, B
    call map
    mov eax, SYS_rt_sigaction
    mov edi, SIGILL
    lea rsi, [rip + action]
    xor edx, edx
    mov r10d, 8
    syscall
    mov rax, BYTES
    mov [A + 16], rax
    mov [A + 4093], rax
    mov rax, 0x9090909090909090
    mov [A], rax
    mov [A + 8], rax
    lea rbp, [rip + second]
    mov eax, A
    jmp rax
second: lea rbp, [rip + third]
    mov eax, B + 16
    jmp rax
third: lea rbp, [rip + fourth]
    mov eax, B + 4093
    jmp rax
fourth: mov eax, SYS_fork
    syscall
    lea rbp, [rip + fifth]
    mov ecx, A + 4093
    jmp rcx
fifth: lea rbp, [rip + last]
    mov ecx, A + 16
    jmp rcx
last: mov edi, [rip + count]
    mov eax, SYS_exit_group
    syscall
on_signal:
    inc dword ptr [rip + count]
    lea rsp, [rip + stack_top]
    jmp rbp
map: mov esi, 8192
    mov edx, 7
    mov r10d, MAP_SHARED | MAP_FIXED
    mov r8d, ebx
    xor r9d, r9d
    mov eax, SYS_mmap
    syscall
    ret
back: ud2
.data
name: .asciz "code"
count: .long 0
action: .quad on_signal, SA_RESTORER | SA_NODEFER, back, 0
.bss
.balign 16
stack: .zero 65536
stack_top: .zero 64
"""


@pytest.mark.parametrize("compiled", [True, False])
def test_lock_bts_is_an_invalid_opcode_in_every_page_and_on_every_core(compiled: bool) -> None:
    machine = Machine(ram=16 << 20, cpus=2, cpu=CpuOptions(compiled=compiled))
    machine.load(assemble(EVERY_WAY_TO_ONE_FRAME, include_dirs=(INCLUDE,)))
    assert machine.run() == Exited(5)
    assert all(cpu.instructions for cpu in machine.cpus)


@pytest.mark.parametrize("compiled", [True, False])
def test_lock_bts_that_a_debugger_writes_into_code_is_an_invalid_opcode(compiled: bool) -> None:
    machine = Machine(ram=16 << 20, cpu=CpuOptions(compiled=compiled))
    program = assemble("_start: nop\n nop\n nop\n nop\n jmp _start")
    machine.load(program)
    machine.run(1000)
    machine.memory.write(program.symbols["_start"], bytes.fromhex("f00fabc8"))
    stop = machine.run(1000)
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGILL


@pytest.mark.parametrize("piece", [1, 2, 1000])
@pytest.mark.parametrize(
    ("body", "signal"),
    [
        (".byte 0xf0, 0x2e, 0x41, 0x0f, 0x94, 0x00", Signal.SIGILL),  # lock sete
        ("mov [0], eax", Signal.SIGSEGV),
        ("jmp start - 0x800", Signal.SIGSEGV),
        ("mov eax, 60\n xor edi, edi\n syscall", None),
    ],
)
def test_an_end_is_what_it_is_in_a_page_that_begins_with_lock_bts(body: str, signal: Signal | None, piece: int) -> None:
    machine = Machine(ram=16 << 20)
    machine.load(assemble(f"start: .byte 0xf0, 0x0f, 0xab, 0xc8\n_start: nop\n nop\n {body}"))
    stop = machine.run(piece)
    while isinstance(stop, BudgetUsedUp) and machine.instructions < 10:
        stop = machine.run(piece)
    assert (stop.signal if isinstance(stop, Killed) else None) is signal
    assert machine.instructions == (2 if signal is not None and "jmp" not in body else 3 if signal is not None else 5)


BEFORE_LOCK_BTS = """
page: .fill 4096 - 7, 1, 0x90
at: lock cmpxchg16b [rsi]
    jmp over
    .byte 0xf0, 0x0f, 0xab, 0xc8
over: dec r12d
    jnz at
    mov edi, 7
    mov eax, 60
    syscall
_start: lea rsi, [rip + data + OFFSET]
    mov r12d, 3
    jmp at
.data
.balign 16
data: .zero 32
"""


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("offset", [0, 8])
def test_a_careful_instruction_in_the_page_before_lock_bts_runs_as_elsewhere(compiled: bool, offset: int) -> None:
    machine = Machine(ram=16 << 20, cpu=CpuOptions(compiled=compiled))
    program = assemble(BEFORE_LOCK_BTS, defines={"OFFSET": offset})
    machine.load(program)
    stop = machine.run(1000)
    if offset:
        assert isinstance(stop, Killed)
        assert stop.signal is Signal.SIGSEGV
        return
    assert stop == Exited(7)
    assert program.symbols["at"] in machine.cpus[0].mmu.fill.exits_before


def test_a_breakpoint_at_lock_bts_comes_before_the_invalid_opcode() -> None:
    done = load(plain_guest("nop\nthere: .byte 0xf0, 0x0f, 0xab, 0xc8\n"))
    assert type(done.machine.run(until=["there"])).__name__ == "Reached"
    assert isinstance(done.machine.run(), Killed)
