"""The engine behaves like a CPU where bare Unicorn does not (tests/quirks pins what bare Unicorn does)."""

from __future__ import annotations

import pytest

from kernel_model.abi.uapi import Signal
from pffemu import BudgetUsedUp, Exited, Killed
from pffemu.arch.exceptions import BP, DE
from pffemu.arch.msrs import CPUID_7_0_EDX_UINTR, CPUID_7_1_EDX_UIRET_UIF
from pffemu.arch.pagefault import I, U
from pffemu.arch.paging import PTE_NX, PTE_P, PTE_U, PTE_W
from pffemu.engine.stop import StopKind
from pffemu.events.hw import WalkRefused
from pffemu.timing import load_profile
from tests.guest_tools import CHECKPOINT, MASK, PAGE, REGION, Run, load, plain_guest, run

AREA = 0x2000_0000
MMAP = f"""
    mov eax, SYS_mmap
    mov edi, {AREA}
    mov esi, 2 * PAGE
    mov edx, {{prot}}
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rbx, {AREA}
"""
RWX = MMAP.format(prot="PROT_READ | PROT_WRITE | PROT_EXEC")
RW = MMAP.format(prot="PROT_READ | PROT_WRITE")
PROTECT = "mov eax, SYS_mprotect\nmov rdi, rbx\nmov esi, PAGE\nmov edx, {}\nsyscall\n"
INC_RET, DEC_RET = 0xC3C7FF, 0xC3CFFF  # inc edi; ret / dec edi; ret
SECOND = f"\nmov rdi, rbp\nmov dword ptr [rbx], {DEC_RET}\n"


# -- exceptions (U1) ----------------------------------------------------------------------------------------------


def test_every_exception_in_a_row_is_reported_as_itself_and_keeps_sse_and_x87_registers() -> None:
    body = "mov rax, 0x1122334455667788\nmovq xmm7, rax\nfld1\nxor ebx, ebx\n" + CHECKPOINT + "insn: div ebx\nint3\n"
    done = load(plain_guest(body)).to_checkpoint()
    engine, div = done.cpu.engine, done.symbol("insn")
    done.cpu.engine.run_exactly(1)  # the interrupted slice that stops the machine
    before = engine.save_registers()
    for rip, vector in ((div, DE), (div, DE), (div + 2, BP), (div, DE), (div + 2, BP), (div + 2, BP)):
        done.cpu.registers["rip"] = rip
        stop = engine.run()
        assert (stop.kind, stop.vector) == (StopKind.EXCEPTION, vector)
        assert engine.save_registers() == before.replace(rip=rip + (vector == BP))  # a trap: RIP is behind INT3


FORBIDDEN = {
    Signal.SIGFPE: ["div ecx"],
    Signal.SIGTRAP: ["int3"],
    Signal.SIGILL: ["ud2", ".byte 0xc5, 0xfc, 0x58, 0xc0", ".byte 0x06"],
    Signal.SIGSEGV: [
        "hlt", "cli", "mov rax, cr3", "wrmsr", "rdmsr", "int 0x80", "sysenter", "outsb", "wbinvd", "invlpg [rsp]",
        "swapgs", "iretq", "mov rax, -1\nmov byte ptr [rax], 1",
        "in al, dx", "out dx, al",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "instruction"),
    [pytest.param(signal, case, id=case) for signal, cases in FORBIDDEN.items() for case in cases],
)
def test_what_ring_3_may_not_do_is_the_signal_linux_sends(instruction: str, signal: Signal) -> None:
    done = run(plain_guest(f"xor ecx, ecx\n{instruction}\nmov edi, 1\n"))
    assert isinstance(done.stop, Killed), done.stop
    assert done.stop.signal is signal


@pytest.mark.parametrize("address", [1 << 63, (1 << 63) + 0x400, (1 << 63) + 0x800, 1 << 47, 0xFFFF_8000_0000_0000])
@pytest.mark.parametrize("access", ["mov rdi, [rax]", "mov [rax], rdi", "jmp rax", "mov rsp, rax\npop rdi"])
def test_neither_the_engines_page_nor_the_kernels_half_can_be_reached(address: int, access: str) -> None:
    done = run(plain_guest(f"mov rax, {address:#x}\n{access}\n"))
    assert isinstance(done.stop, Killed), done.stop
    assert done.stop.signal in (Signal.SIGSEGV, Signal.SIGBUS)


def test_a_guest_cannot_leave_64_bit_code() -> None:
    done = run(plain_guest("push 0x23\nlea rax, [rip + next]\npush rax\n.byte 0x48, 0xcb\nnext: mov edi, 3\n"))
    assert isinstance(done.stop, Killed)
    assert done.stop.signal is Signal.SIGSEGV
    assert done.cpu.registers["cs"] == 0x33


# -- the fill hook (U9), TLB flush (U10) --------------------------------------------------------------------------


def test_misses_without_a_fault_leave_no_event() -> None:
    body = RW + "mov rsi, rbx\nlea rdi, [rbx + PAGE]\nmov ecx, PAGE\nrep movsb\nxor edi, edi\n"
    done = run(plain_guest(body))
    assert done.stop == Exited(0)
    assert not done.of(WalkRefused)


def test_a_changed_entry_is_seen_after_a_flush() -> None:
    body = RW + "mov byte ptr [rbx], 1\nmov byte ptr [rbx + PAGE], 2\n" + CHECKPOINT + "movzx edi, byte ptr [rbx]\n"
    done = load(plain_guest(body)).to_checkpoint()
    pages = done.machine.process.mm.pages
    pages.set(AREA, pages.entry(AREA + PAGE))
    done.cpu.flush_tlb()
    assert done.go() == Exited(2)


# -- fetch faults at a page edge (U12) ----------------------------------------------------------------------------


def code_before_edge(code: str, *, next_page: str = "munmap") -> str:
    """Put `code` (hex) right before the edge of an executable page, the next page out of reach, and jump there."""
    octets = bytes.fromhex(code)
    stores = "".join(f"mov byte ptr [rbx + PAGE - {len(octets) - i}], {octet}\n" for i, octet in enumerate(octets))
    away = {
        "munmap": "mov eax, SYS_munmap\nlea rdi, [rbx + PAGE]\nmov esi, PAGE\nsyscall\n",
        "not executable": PROTECT.format("PROT_READ | PROT_WRITE").replace("mov rdi, rbx", "lea rdi, [rbx + PAGE]"),
    }
    jump = f"lea rax, [rbx + PAGE - {len(octets)}]\njmp rax\n"
    return RWX + stores + away[next_page] + "xor edi, edi\n" + CHECKPOINT + jump


@pytest.mark.parametrize("next_page", ["munmap", "not executable"])
@pytest.mark.parametrize(
    ("code", "executed", "rip"),
    [
        pytest.param("90", 1, 0, id="nop up to the edge"),
        pytest.param("9090ffc7ffc7", 4, 0, id="several instructions up to the edge"),
        pytest.param("90b8112233", 1, -4, id="an instruction that straddles it"),
        pytest.param("ffc748b81122334455", 1, -7, id="a long one that straddles it"),
        pytest.param("ffc7f3", 1, -1, id="only its prefix fits"),
        pytest.param("ffc7eb00", 2, 0, id="a jump to the edge"),
    ],
)
def test_a_fetch_fault_at_a_page_edge_has_the_rip_of_the_instruction_that_needs_the_page(
    code: str, executed: int, rip: int, next_page: str
) -> None:
    done = load(plain_guest(code_before_edge(code, next_page=next_page))).to_checkpoint()
    before = done.cpu.instructions
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    edge = AREA + PAGE
    fault = done.of(WalkRefused)[-1]
    protection = 0 if next_page == "munmap" else 1
    assert (fault.rip, fault.address, fault.error_code) == (edge + rip, edge, U | I | protection)
    assert done.cpu.registers["rip"] == edge + rip
    assert done.cpu.instructions - before == 2 + executed
    assert done.cpu.registers["rdi"] == bytes.fromhex(code).count(b"\xff\xc7")


@pytest.mark.parametrize("budget", range(1, 7))
def test_a_budget_holds_before_a_page_edge_too(budget: int) -> None:
    done = load(plain_guest(code_before_edge("ffc7ffc7ffc7ffc7ffc7"))).to_checkpoint()
    before = done.cpu.instructions
    stop = done.go(budget=budget)
    assert isinstance(stop, BudgetUsedUp)
    assert done.cpu.instructions - before == budget
    assert done.cpu.registers["rdi"] == max(0, budget - 2)


# -- code that changes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("mprotect", RW + f"mov dword ptr [rbx], {INC_RET}\n" + PROTECT.format("PROT_READ | PROT_EXEC")
         + "xor edi, edi\ncall rbx\nmov ebp, edi\n" + PROTECT.format("PROT_READ | PROT_WRITE")
         + SECOND.replace("mov rdi, rbp\n", "") + PROTECT.format("PROT_READ | PROT_EXEC") + "mov rdi, rbp\n"),
        ("mmap at the same address", RWX + f"mov dword ptr [rbx], {INC_RET}\nxor edi, edi\ncall rbx\nmov ebp, edi\n"
         + RWX + SECOND),
        ("munmap and mmap", RWX + f"mov dword ptr [rbx], {INC_RET}\nxor edi, edi\ncall rbx\nmov ebp, edi\n"
         "mov eax, SYS_munmap\nmov rdi, rbx\nmov esi, 2 * PAGE\nsyscall\n" + RWX + SECOND),
        ("MADV_DONTNEED", RWX + f"mov dword ptr [rbx], {INC_RET}\nxor edi, edi\ncall rbx\nmov ebp, edi\n"
         "mov eax, SYS_madvise\nmov rdi, rbx\nmov esi, PAGE\nmov edx, MADV_DONTNEED\nsyscall\n" + SECOND),
        ("a store", RWX + f"mov dword ptr [rbx], {INC_RET}\nxor edi, edi\ncall rbx\nmov ebp, edi\n" + SECOND),
        ("read()", RWX + f"mov dword ptr [rbx], {INC_RET}\nxor edi, edi\ncall rbx\nmov ebp, edi\n"
         "mov eax, SYS_read\nxor edi, edi\nmov rsi, rbx\nmov edx, 4\nsyscall\nmov rdi, rbp\n"),
    ],
)  # fmt: skip
def test_code_changed_at_the_same_address_runs_as_it_is_now(name: str, body: str) -> None:
    done = run(plain_guest(body + "add edi, 10\ncall rbx\n"), stdin=DEC_RET.to_bytes(4, "little"))
    assert done.stop == Exited(10), name  # 0 + 1 + 10 - 1


def test_code_written_from_outside_runs_as_written() -> None:
    done = load(plain_guest(RWX + f"mov dword ptr [rbx], {INC_RET}\nmov edi, 10\ncall rbx\n{CHECKPOINT}call rbx\n"))
    done.to_checkpoint()
    done.machine.memory.write(AREA, DEC_RET.to_bytes(4, "little"))
    assert done.go() == Exited(10)


# -- CPUID, RDTSC, randomness -------------------------------------------------------------------------------------


def cpuid(leaf: int, subleaf: int = 0, **options: object) -> list[int]:
    """EAX, EBX, ECX, EDX as the guest reads them."""
    body = f"mov rax, 0x5555555500000000 + {leaf}\nmov ecx, {subleaf}\ncpuid\n" + "".join(
        f"mov [rip + out + {8 * i}], {register}\n" for i, register in enumerate(("rax", "rbx", "rcx", "rdx"))
    )
    done = run(plain_guest(body + "xor edi, edi\n", "out: .zero 32\n"), **options)
    assert done.stop == Exited(0)
    return done.words("out", 4)


def test_cpuid_announces_user_interrupts() -> None:
    assert cpuid(7)[3] & CPUID_7_0_EDX_UINTR
    assert cpuid(0)[0] >= 7


@pytest.mark.parametrize("flexible", [False, True])
def test_cpuid_announces_flexible_uiret_only_where_it_is_chosen(flexible: bool) -> None:
    assert bool(cpuid(7, 1, flexible_uiret=flexible)[3] & CPUID_7_1_EDX_UIRET_UIF) is flexible


def test_cpuid_names_no_feature_that_unicorn_lacks() -> None:
    _, _, ecx, edx = cpuid(1)
    avx, xsave, osxsave, rdrand, fma, movbe = (1 << bit for bit in (28, 26, 27, 30, 12, 22))
    assert not ecx & (avx | xsave | osxsave | rdrand | fma | movbe)
    sse, sse2, tsc, apic = (1 << bit for bit in (25, 26, 4, 9))
    assert edx & (sse | sse2 | tsc | apic) == sse | sse2 | tsc | apic
    assert cpuid(7)[1] == 0  # no AVX2, BMI, FSGSBASE, RDSEED, CLWB


@pytest.mark.parametrize("leaf", [2, 4, 6, 0xB, 0xD, 0x40000000, 0x80000005, 0xFFFFFFFF])
def test_an_unknown_leaf_is_all_zero_and_clears_the_upper_halves(leaf: int) -> None:
    assert cpuid(leaf) == [0, 0, 0, 0]


@pytest.mark.parametrize("code", ["rdrand rax", "rdseed rax", ".byte 0xf3, 0x0f, 0xc7, 0xf8"])
def test_nothing_reads_the_hosts_randomness(code: str) -> None:
    done = run(plain_guest(f"{code}\n"))
    assert isinstance(done.stop, Killed)
    assert done.stop.signal is Signal.SIGILL


TSC = """
    mov ebp, 50
    lea r12, [rip + out]
1:  rdtsc
    mov [r12], eax
    mov [r12 + 4], edx
    nop
    rdtscp
    mov [r12 + 8], eax
    mov [r12 + 12], edx
    add r12, 16
    dec ebp
    jnz 1b
    mov eax, SYS_gettid
    syscall
    rdtsc
    mov [r12], eax
    mov [r12 + 4], edx
    xor edi, edi
"""


def time_stamps(compiled: bool | None) -> list[int]:
    done = run(plain_guest(TSC, "out: .zero 1024\n"), compiled=compiled)
    assert done.stop == Exited(0)
    return done.words("out", 101)


def test_rdtsc_counts_virtual_cycles_exactly_and_every_run_reads_the_same() -> None:
    stamps = time_stamps(None)
    cost = load_profile().cycles_of
    # from RDTSC to RDTSCP in one block: RDTSC itself, two stores, NOP
    inside = 2 * cost("insn.simple") + 2 * cost("insn.store")
    around = 3 * cost("insn.simple") + 2 * cost("insn.store") + cost("insn.branch")
    for i in range(0, 100, 2):
        assert abs(stamps[i + 1] - stamps[i] - inside) < 1
    for i in range(1, 99, 2):
        assert abs(stamps[i + 1] - stamps[i] - around) < 1
    assert abs(stamps[98] - stamps[0] - 49 * (inside + around)) < 1  # nothing is lost to rounding
    assert stamps[100] - stamps[99] > 5 + 4  # the system call cost something
    assert time_stamps(None) == time_stamps(False) == stamps


# -- what a guest sees at the start -------------------------------------------------------------------------------


def test_a_device_page_in_reach_is_accessed_in_4_byte_pieces() -> None:
    """U18, through the page tables: the APIC's registers are 4 bytes wide."""
    body = f"mov rbx, {AREA}\n{CHECKPOINT}mov dword ptr [rbx + 0x680], 0x4000\nmov edi, [rbx + 0x680]\nshr edi, 14\n"
    done = load(plain_guest(body)).to_checkpoint()
    done.machine.cpus[0].apic.x2apic = False  # the page answers in xAPIC mode only
    done.machine.process.mm.pages.set(AREA, 0xFEE0_0000 | PTE_P | PTE_W | PTE_U | PTE_NX)
    assert done.go() == Exited(1)
    assert done.cpu.apic.forwarding_active == 1 << 14


def test_registers_are_read_and_written_by_name() -> None:
    done: Run = load(plain_guest(CHECKPOINT)).to_checkpoint()
    for name in ("rax", "r15", "fs_base", "gs_base"):
        done.cpu.registers[name] = REGION
        assert done.cpu.registers[name] == REGION
    done.cpu.registers["rax"] = -1
    assert done.cpu.registers["rax"] == MASK
