"""Exact instruction counts and limits: whole runs, single steps and any slices in between agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu import BudgetUsedUp, Exited, Killed, Mode
from tests.guest_tools import PAGE, REGION, Run, forwarding_guest, load, plain_guest, run

EXIT = 2  # instructions `plain_guest` adds: mov, syscall
MMAP = f"""
    mov eax, SYS_mmap
    mov edi, {0x2000_0000}
    mov esi, 2 * PAGE
    mov edx, PROT_READ | PROT_WRITE | PROT_EXEC
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rbx, {0x2000_0000}
"""  # 9 instructions
LOOP = "mov ecx, 10\n1: dec ecx\njnz 1b\n"  # 21
CASES = {
    "nothing": ("", 0),
    "a straight line": ("nop\n" * 100, 100),
    "a loop": (LOOP, 21),
    "a call and a return": ("call f\ncall f\njmp out\nf: nop\nret\nout: nop\n", 2 + 4 + 1 + 1),
    "rep stosb counts once": ("mov ecx, 1000\nlea rdi, [rip + data]\nrep stosb\nxor edi, edi\n", 4),
    "rep with rcx 0 counts once": ("xor ecx, ecx\nrep stosb\nxor edi, edi\n", 3),
    "rep with rcx 1 counts once": ("mov ecx, 1\nlea rdi, [rip + data]\nrep stosb\nxor edi, edi\n", 4),
    "the same rep twice in a loop": (
        "mov ebp, 2\n1: mov ecx, 9\nlea rdi, [rip + data]\nrep stosb\ndec ebp\njnz 1b\nxor edi, edi\n", 1 + 2 * 5 + 1
    ),
    "two reps in a row": (
        "mov ecx, 9\nlea rdi, [rip + data]\nrep stosb\nmov ecx, 9\nrep stosb\nxor edi, edi\n", 6
    ),
    "a rep as a loop's only instruction": ("mov ebp, 3\n1: mov ecx, 5\nlea rdi, [rip + data]\nrep stosb\ndec ebp\n"
                                           "jnz 1b\nxor edi, edi\n", 1 + 3 * 5 + 1),
    "repe cmpsb that stops early": (
        "mov ecx, 100\nlea rdi, [rip + data]\nlea rsi, [rip + data + 1]\nmov byte ptr [rsi + 5], 1\nrepe cmpsb\n"
        "xor edi, edi\n", 6
    ),
    "rep movsq over a page that faults in": (
        MMAP + "mov rdi, rbx\nlea rsi, [rip + data]\nmov ecx, 600\nrep movsq\nxor edi, edi\n", 9 + 5
    ),
    "faults in the middle of a block": (MMAP + "nop\nmov al, [rbx]\nnop\nmov [rbx + PAGE], al\nnop\nxor edi, edi\n",
        15),
    "a system call in the middle": ("nop\nmov eax, SYS_gettid\nsyscall\nnop\nmov eax, SYS_gettid\nsyscall\nnop\n", 7),
    "user-interrupt instructions": ("nop\nstui\nnop\ntestui\nclui\nclui\nnop\n", 7),
    "cpuid and rdtsc": ("xor eax, eax\ncpuid\nnop\nrdtsc\nrdtsc\nxor edi, edi\n", 6),
    "an instruction across a page edge": ("nop\n" * 4090 + "mov rax, 0x1122334455667788\nnop\n", 4092),
    "a conditional jump not taken": ("xor eax, eax\njnz 1f\nnop\n1: nop\n", 4),
    "prefixed and long instructions": ("lock add qword ptr [rip + data], 1\nmov rax, 0x1122334455667788\nnop\n", 3),
}  # fmt: skip
DATA = "data: .zero 5000\n"
cases = pytest.mark.parametrize("name", CASES)


def guest_of(name: str) -> Run:
    return load(plain_guest(CASES[name][0], DATA), mode=Mode.KERNEL)


def end_state(done: Run) -> tuple[object, ...]:
    return done.stop, done.machine.instructions, done.cpu.engine.save_registers()


@pytest.mark.parametrize("compiled", [None, False], ids=["compiled if possible", "plain"])
@cases
def test_a_run_counts_every_instruction_exactly_once(name: str, compiled: bool | None) -> None:
    body, expected = CASES[name]
    done = run(plain_guest(body, DATA), mode=Mode.KERNEL, compiled=compiled)
    assert done.stop == Exited(0)
    assert done.machine.instructions == expected + EXIT


@pytest.mark.parametrize("name", sorted(set(CASES) - {"an instruction across a page edge"}))
def test_single_steps_visit_as_many_instructions_as_the_whole_run_counts(name: str) -> None:
    whole, stepped = guest_of(name), guest_of(name)
    whole.go()
    steps = 0
    while isinstance(stepped.go(budget=1), BudgetUsedUp):
        steps += 1
        assert stepped.machine.instructions == steps
    assert steps + 1 == whole.machine.instructions  # the last step is the exit
    assert end_state(stepped) == end_state(whole)


@given(
    name=st.sampled_from(sorted(set(CASES) - {"an instruction across a page edge"})),
    budgets=st.lists(st.integers(1, 40)),
)
def test_a_budget_is_met_exactly_and_leaves_nothing_behind(name: str, budgets: list[int]) -> None:
    whole, sliced = guest_of(name), guest_of(name)
    whole.go()
    executed = 0
    for budget in budgets:
        stop = sliced.go(budget=budget)
        executed += budget
        if not isinstance(stop, BudgetUsedUp):
            break
        assert stop.instructions == sliced.machine.instructions == executed
    sliced.go()
    assert end_state(sliced) == end_state(whole)


def test_a_budget_of_0_runs_nothing() -> None:
    done = guest_of("a loop")
    stop = done.go(budget=0)
    assert isinstance(stop, BudgetUsedUp)
    assert done.machine.instructions == 0
    assert done.cpu.registers["rip"] == done.symbol("_start")


def test_run_exactly_agrees_with_the_counter() -> None:
    done = guest_of("a loop")
    done.go(budget=1)  # the thread is on the core now
    for count in (1, 2, 3, 5, 4):
        before = done.cpu.instructions
        done.cpu.engine.run_exactly(count)
        assert done.cpu.instructions == before + count


@pytest.mark.parametrize("limit", range(1, 40))
def test_a_limit_is_never_overshot(limit: int) -> None:
    done = guest_of("a loop")
    done.go(budget=1)
    before = done.cpu.instructions
    done.cpu.engine.run(limit)
    assert done.cpu.instructions <= before + limit


@pytest.mark.parametrize("instruction", ["ud2", "hlt", "div ecx", "mov al, [rcx]", "jmp rcx"])
def test_the_instruction_that_kills_the_guest_is_not_counted(instruction: str) -> None:
    done = run(plain_guest(f"xor ecx, ecx\nnop\nnop\n{instruction}\nnop\n"))
    assert isinstance(done.stop, Killed)
    assert done.machine.instructions == 3 + (instruction == "jmp rcx")


def test_handlers_of_forwarded_faults_are_counted_like_any_code() -> None:
    handler = "handler:\n    mov eax, SYS_ioctl\n" + "    mov rdi, [rip + uffd]\n    mov esi, UFFDIO_ZEROPAGE\n"
    handler += "    lea rdx, [rip + zeropage]\n    syscall\n    add rsp, 8\n    uiret\n"
    data = f"mine: .quad {REGION}, PAGE, 0, 0\n"
    body = "mov eax, SYS_gettid\nsyscall\nmov rbx, REGION\nnop\nmov al, [rbx]\nnop\njmp leave\n"
    done = load(forwarding_guest(body, handler=handler.replace("zeropage]", "mine]"), data=data)).to_checkpoint()
    before = done.cpu.instructions
    assert done.go() == Exited(0)
    assert done.cpu.instructions - before == 2 + 7 + 2 + 1 + 3  # up to the fault, handler, load to jmp, leave


def code_word(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def test_new_code_of_the_same_size_at_the_same_place_is_counted_anew() -> None:
    nop_inc_ret, three_nops_ret = code_word("90ffc7c3"), code_word("909090c3")
    protect = "mov eax, SYS_mprotect\nmov rdi, rbx\nmov esi, PAGE\nmov edx, {}\nsyscall\n"
    body = (
        MMAP
        + f"mov dword ptr [rbx], {nop_inc_ret}\n"
        + protect.format("PROT_READ | PROT_EXEC")
        + "call rbx\n"
        + protect.format("PROT_READ | PROT_WRITE")
        + f"mov dword ptr [rbx], {three_nops_ret}\n"
        + protect.format("PROT_READ | PROT_EXEC")
        + "call rbx\nxor edi, edi\n"
    )
    done = run(plain_guest(body))
    assert done.stop == Exited(0)
    assert done.machine.instructions == 9 + 1 + 5 + 1 + 3 + 5 + 1 + 5 + 1 + 4 + 1 + EXIT


def test_counting_can_be_switched_off() -> None:
    done = load(plain_guest(LOOP + f"mov rbx, {PAGE}\n"), counting=False)
    assert done.machine.run() == Exited(0)
    assert done.machine.instructions == 0
