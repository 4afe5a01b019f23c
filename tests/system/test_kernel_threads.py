"""Threads of one guest: created, joined, scheduled, blocked; what belongs to each alone."""

from __future__ import annotations

import pytest

from pffemu import BudgetUsedUp, Deadlock, Exited
from pffemu.events.kernel import ContextSwitch, ThreadCreated, ThreadExited, ThreadWoken
from tests.guest_tools import CHECKPOINT, Run, load, plain_guest, run

THREAD = "CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD"
CLONE = """
    mov eax, SYS_clone
    mov edi, {flags}
    lea rsi, [rip + stacks + {stack}]
    lea rdx, [rip + parent_tid]
    lea r10, [rip + child_tid]
    lea r8, [rip + tls]
    syscall
    test rax, rax
    jz {child}
"""
EXIT_THREAD = "mov eax, SYS_exit\nmov edi, {status}\nsyscall\n"
DATA = """
counters:   .quad 0, 0, 0, 0
parent_tid: .quad 0
child_tid:  .quad 0
word:       .quad 0
span:       .quad 0, 0
.balign 16
tls:        .zero 64
stacks:     .zero 65536
"""


def clone(child: str, number: int = 0, extra: str = "") -> str:
    flags = THREAD + (f" | {extra}" if extra else "")
    return CLONE.format(flags=flags, stack=4096 * (number + 1), child=child)


def exit_thread(status: int = 0) -> str:
    return EXIT_THREAD.format(status=status)


def futex(operation: str, address: str, value: str, timeout: str = "xor r10d, r10d") -> str:
    return (
        f"mov eax, SYS_futex\nlea rdi, [rip + {address}]\nmov esi, {operation}\nmov edx, {value}\n{timeout}\nsyscall\n"
    )


def guest(body: str, **options: object) -> Run:
    return run(plain_guest(body, DATA), **options)


# join as pthread_join does: wait until the kernel has zeroed the word
JOIN = (
    "join: mov edx, [rip + child_tid]\ntest edx, edx\njz joined\n"
    + futex("FUTEX_WAIT", "child_tid", "edx").replace("mov edx, edx\n", "")
    + "jmp join\njoined:\n"
)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_a_thread_is_joined_through_the_word_the_kernel_clears(cpus: int) -> None:
    body = (
        clone("child", extra="CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID")
        + JOIN
        + "mov edi, [rip + counters]\njmp leave_with_edi\n"
        + "child: mov ecx, 1000\n1: dec ecx\njnz 1b\nmov dword ptr [rip + counters], 7\n"
        + exit_thread()
    )
    done = guest(body, cpus=cpus)
    assert done.stop == Exited(7)
    assert [event.child for event in done.of(ThreadCreated)] == [1, 2]
    assert [event.tid for event in done.of(ThreadExited)] == [2]
    assert [event.woken for event in done.of(ThreadWoken)] == [1]


def test_clone_tells_the_tid_to_parent_and_child_and_sets_fs_base() -> None:
    body = (
        clone("child", extra="CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_SETTLS")
        + "mov [rip + counters], rax\n1: cmp dword ptr [rip + word], 0\nje 1b\nxor edi, edi\njmp leave_with_edi\n"
        + "child: mov [rip + counters + 8], rax\nmov dword ptr fs:[0], 0x55\nmov eax, SYS_gettid\nsyscall\n".replace(
            "mov dword ptr fs:[0], 0x55", "xor ebx, ebx\nmov dword ptr fs:[rbx], 0x55"
        )
        + "mov [rip + counters + 16], rax\nmov dword ptr [rip + word], 1\n2: jmp 2b\n"
    )
    done = guest(body, cpus=2)
    assert done.stop == Exited(0)
    assert done.words("counters", 3) == [2, 0, 2]
    assert (done.word("parent_tid"), done.word("child_tid"), done.word("tls")) == (2, 2, 0x55)


def test_the_process_ends_with_its_last_thread_and_that_ones_status() -> None:
    body = clone("child") + exit_thread(3) + "child: mov ecx, 50000\n1: dec ecx\njnz 1b\n" + exit_thread(5)
    for cpus in (1, 2):
        done = guest(body, cpus=cpus)
        assert done.stop == Exited(5)
        assert [event.tid for event in done.of(ThreadExited)] == [1, 2]


def test_exit_group_ends_threads_that_spin_and_threads_that_sleep() -> None:
    body = (
        clone("spinner", 0)
        + clone("sleeper", 1)
        + "mov ecx, 100000\n1: dec ecx\njnz 1b\nmov edi, 9\njmp leave_with_edi\n"
        + "spinner: jmp spinner\nsleeper:\n"
        + futex("FUTEX_WAIT", "word", "0")
        + "ud2\n"
    )
    for cpus in (1, 2, 3):
        assert guest(body, cpus=cpus).stop == Exited(9)


SPIN = (
    clone("child") + "1: inc qword ptr [rip + counters]\njmp 1b\nchild: inc qword ptr [rip + counters + 8]\njmp child\n"
)


@pytest.mark.parametrize("cpus", [1, 2])
def test_two_threads_that_spin_both_progress_alike(cpus: int) -> None:
    done = load(plain_guest(SPIN, DATA), cpus=cpus)
    assert isinstance(done.go(budget=1_000_000), BudgetUsedUp)
    first, second = done.words("counters", 2)
    assert min(first, second) > 0.9 * max(first, second)
    assert len(done.of(ContextSwitch)) >= 20 if cpus == 1 else len(done.of(ContextSwitch)) == 2


def test_three_threads_on_two_cores_all_progress() -> None:
    body = (
        clone("second", 0)
        + clone("third", 1)
        + "".join(
            f"{name}: inc qword ptr [rip + counters + {8 * i}]\njmp {name}\n"
            for i, name in enumerate(("first", "second", "third"))
        )
    )
    done = load(plain_guest(body, DATA), cpus=2)
    done.go(budget=1_000_000)
    assert min(done.words("counters", 3)) > 100_000 / 4


def test_sched_yield_lets_the_other_thread_of_the_core_run() -> None:
    body = (
        clone("child")
        + "1: mov eax, SYS_sched_yield\nsyscall\ncmp qword ptr [rip + word], 0\nje 1b\nxor edi, edi\n"
        + "jmp leave_with_edi\nchild: mov qword ptr [rip + word], 1\n"
        + exit_thread()
    )
    done = guest(body, cpus=1)
    assert done.stop == Exited(0)
    assert done.machine.instructions < 100


def test_every_register_survives_preemption() -> None:
    loop = "2: mov ecx, 30000\n1: dec ecx\njnz 1b\ndec r15\njnz 2b\n"

    def thread(seed: int, out: int) -> str:
        general = ("rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14")
        sets = "".join(f"mov {name}, {seed + i}\n" for i, name in enumerate(general))
        vector = f"mov rax, {seed * 3}\nmovq xmm5, rax\nmovq xmm15, rax\npush rax\nfild qword ptr [rsp]\npop rax\nstd\n"
        adds = "".join(f"add rax, {name}\n" for name in general)
        ends = (
            f"pushfq\npop rcx\ncld\nand ecx, 0x400\nxor eax, eax\n{adds}add rax, rcx\nmovq rcx, xmm5\nadd rax, rcx\n"
            f"movq rcx, xmm15\nadd rax, rcx\npush rax\nfistp qword ptr [rsp]\npop rcx\nadd rax, rcx\n"
            f"mov [rip + counters + {out}], rax\nlock inc dword ptr [rip + word]\n"
        )
        return f"mov r15d, 10\n{sets}{vector}{loop.replace('2:', f'l{out}:').replace('2b', f'l{out}')}{ends}"

    body = (
        clone("child")
        + thread(1000, 0)
        + "3: mov eax, SYS_sched_yield\nsyscall\ncmp dword ptr [rip + word], 2\njne 3b\nxor edi, edi\n"
        + "jmp leave_with_edi\n"
        + "child:\n"
        + thread(500_000, 8)
        + exit_thread()
    )
    done = guest(body, cpus=1)
    assert done.stop == Exited(0)
    assert len(done.of(ContextSwitch)) > 10
    expected = [sum(range(seed, seed + 11)) + 0x400 + 3 * seed * 3 for seed in (1000, 500_000)]
    assert done.words("counters", 2) == expected


@pytest.mark.parametrize("cpus", [1, 2])
def test_futex_wake_wakes_the_number_asked_for_in_order(cpus: int) -> None:
    body = (
        "".join(clone(f"t{i}", i) for i in range(3))
        + "mov ecx, 200000\n1: dec ecx\njnz 1b\n"
        + futex("FUTEX_WAKE", "word", "2")
        + "mov [rip + counters], rax\nmov ecx, 200000\n2: dec ecx\njnz 2b\n"
        + "xor edi, edi\njmp leave_with_edi\n"
        + "".join(
            f"t{i}:\n{futex('FUTEX_WAIT', 'word', '0')}lock inc qword ptr [rip + counters + 8]\n{exit_thread()}"
            for i in range(3)
        )
    )
    done = guest(body, cpus=cpus)
    assert done.stop == Exited(0)
    assert done.words("counters", 2) == [2, 2]
    # on two cores, thread 3 waits behind the first thread for its core: 4 goes to sleep before it
    assert [event.woken for event in done.of(ThreadWoken)] == ([2, 3] if cpus == 1 else [2, 4])


def test_a_timeout_wakes_at_its_virtual_time() -> None:
    body = (
        "mov qword ptr [rip + span + 8], 5000000\n"
        + "mov eax, SYS_clock_gettime\nmov edi, 1\nlea rsi, [rip + tls]\nsyscall\n"
        + futex("FUTEX_WAIT", "word", "0", "lea r10, [rip + span]")
        + "mov [rip + counters], rax\nmov eax, SYS_clock_gettime\nmov edi, 1\nlea rsi, [rip + tls + 16]\nsyscall\n"
        + "xor edi, edi\n"
    )
    done = guest(body)
    assert done.stop == Exited(0)
    assert done.word("counters") == (1 << 64) - 110
    elapsed = done.word("tls", 3) - done.word("tls", 1)
    assert 5_000_000 <= elapsed < 5_100_000


def test_a_wait_after_one_that_timed_out_sleeps_again() -> None:
    timed = futex("FUTEX_WAIT", "word", "0", "lea r10, [rip + span]")
    body = "mov qword ptr [rip + span + 8], 5000000\n" + timed + timed + "mov [rip + counters], rax\n"
    done = guest(body + futex("FUTEX_WAIT", "word", "0"))
    assert isinstance(done.stop, Deadlock)
    assert done.word("counters") == (1 << 64) - 110
    assert done.cpu.clock >= 2 * 5_000_000 * 2  # two waits, two cycles a nanosecond


def test_a_deadlock_names_every_thread_where_it_sleeps_and_for_what() -> None:
    body = (
        clone("child")
        + futex("FUTEX_WAIT", "word", "0")
        + "child:\n"
        + futex("FUTEX_WAIT", "counters", "0").replace("syscall", "asleep: syscall")
    )
    stop = guest(body, cpus=2).stop
    assert isinstance(stop, Deadlock)
    assert stop.exit_code == 125
    assert "all threads are blocked" in stop.message
    assert "thread 1 at _start" in stop.message
    assert "thread 2 at asleep " in stop.message
    assert stop.message.count("waits for futex") == 2


def test_a_guest_that_is_stopped_and_run_on_gives_the_same_as_one_run() -> None:
    body = clone("child", extra="CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID") + CHECKPOINT + JOIN + (
        "xor edi, edi\njmp leave_with_edi\nchild: mov ecx, 30000\n1: inc qword ptr [rip + counters]\ndec ecx\njnz 1b\n"
    ) + exit_thread()  # fmt: skip
    whole = guest(body, cpus=2)
    pieces = load(plain_guest(body, DATA), cpus=2)
    while isinstance(pieces.go(budget=997), BudgetUsedUp):
        pass
    assert pieces.stop == whole.stop == Exited(0)
    assert pieces.words("counters", 2) == whole.words("counters", 2)
    assert pieces.machine.instructions == whole.machine.instructions


@pytest.mark.parametrize("padding", range(4))
@pytest.mark.parametrize("own", ["mov eax, SYS_gettid\nsyscall\n", "settimer rax\n", "xor eax, eax\nsenduipi rax\n"])
def test_a_thread_that_spends_its_time_in_calls_makes_way_for_others(own: str, padding: int) -> None:
    nops = "nop\n" * padding
    # whatever ends its turn is part of a call or of a long instruction, not an instruction between them
    body = (
        "mov eax, SYS_uintr_register_handler\nlea rdi, [rip + handler]\nxor esi, esi\nsyscall\n"
        "mov eax, SYS_uintr_register_self\nxor edi, edi\nsyscall\nmov eax, SYS_xui_kb_timer\nmov esi, 1\nsyscall\n"
        f"{clone('other')}again: {own}{nops}cmp qword ptr [rip + word], 0\nje again\n"
        "xor edi, edi\njmp leave_with_edi\nother: inc qword ptr [rip + word]\njmp other\nhandler: ud2\n"
    )
    assert guest(body).stop == Exited(0)
