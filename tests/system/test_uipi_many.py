"""User interrupts among 2 to 64 cores: rings, several senders to one receiver."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited
from pffemu.events.hw import HandlerEntered, IpiSent, SendUipi
from pffemu.events.trace import TraceHash
from tests.guest_tools import load, plain_guest
from tests.uipi import load_many, upid_of, wire


def ring(threads: int, rounds: int) -> str:
    """A token goes round: the thread that has it passes it on, thread 0 counts the rounds."""
    return f"""
wait: cmp qword ptr [rip + up], {threads - 1}
    jne wait
ready:
    stui
    mov qword ptr [rip + go], 1
    senduipi rbx
first: jmp first
last_round:
    add rsp, 8
    inc qword ptr [rip + count]
    cmp qword ptr [rip + count], {rounds}
    mov edi, 0
    je leave_with_edi
    xor ebx, ebx
    senduipi rbx
    uiret
child:
    stui
    lock inc qword ptr [rip + up]
1:  jmp 1b
pass_on:
    add rsp, 8
    xor ebx, ebx
    senduipi rbx
    uiret
"""


@pytest.mark.parametrize("threads", [2, 8, 64])
def test_a_token_goes_round_a_ring_of_threads(threads: int) -> None:
    run = load_many(ring(threads, 3), threads, cpus=threads, ram=64 << 20)
    for number in range(threads):
        handler = "last_round" if number == 0 else "pass_on"
        wire(run, number, handler, [((number + 1) % threads, number % 64)], uif=number != 0)
    assert run.go(None) == Exited(0)
    assert run.word("count") == 3
    assert len(run.of(HandlerEntered)) == len(run.of(IpiSent)) == 3 * threads


def many_to_one(senders: int, sends: int, gaps: list[int]) -> str:
    """Sender n stores n's next number, sends, and waits gaps[n] iterations; the handler takes the number it finds."""
    table = ", ".join(str(gap) for gap in gaps)
    return f"""
wait: cmp qword ptr [rip + up], {senders}
    jne wait
ready:
    stui
    mov qword ptr [rip + go], 1
again: cmp qword ptr [rip + ended], {senders}
    jne again
    mov ecx, 20000
1:  dec ecx
    jnz 1b
    xor edi, edi
    jmp leave_with_edi
receive:
    push rax
    push rcx
    push rdx
    mov rcx, [rsp + 24]
    lea rdx, [rip + numbers]
    mov rax, [rdx + 8 * rcx]
    lea rdx, [rip + seen]
    mov [rdx + 8 * rcx], rax
    inc qword ptr [rip + count]
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
child:
    lea rdx, [rip + gaps]
    mov r8, [rdx + 8 * rbx]
    lea rdx, [rip + numbers]
    lock inc qword ptr [rip + up]
1:  cmp qword ptr [rip + go], 1
    jne 1b
    xor ecx, ecx
    mov r9d, {sends}
2:  inc qword ptr [rdx + 8 * rbx]
    senduipi rcx
    mov rax, r8
3:  dec rax
    jnz 3b
    dec r9
    jnz 2b
    lock inc qword ptr [rip + ended]
4:  jmp 4b
.data
gaps: .quad 1, {table}
numbers: .zero 512
seen: .zero 512
ended: .quad 0
.text
"""


@settings(max_examples=10, deadline=None)
@given(gaps=st.lists(st.integers(1, 900), min_size=2, max_size=8), sends=st.integers(1, 12))
def test_whatever_2_to_8_senders_do_the_last_of_each_ones_interrupts_is_seen(gaps: list[int], sends: int) -> None:
    senders = len(gaps)
    hashes = []
    for _ in range(2):
        run = load_many(many_to_one(senders, sends, gaps), senders + 1, cpus=senders + 1, ram=32 << 20)
        wire(run, 0, "receive", [])
        for number in range(1, senders + 1):
            wire(run, number, "receive", [(0, number)])
        trace = TraceHash()
        run.machine.events.sinks.append(trace)
        assert run.go(None) == Exited(0)
        assert run.words("seen", 64) == run.words("numbers", 64)
        assert run.words("numbers", senders + 1) == [0, *[sends] * senders]
        assert senders <= run.word("count") <= senders * sends
        assert (upid_of(run, 0).on, upid_of(run, 0).pir, run.cpu.uintr.uirr) == (False, 0, 0)
        hashes.append(trace.hexdigest())
    assert hashes[0] == hashes[1]


_CREATE = """
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, COUNT * 4096
    mov edx, 3
    mov r10d, 0x22
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rbp, rax
    xor ebx, ebx
    mov r12d, 1
1:  mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    mov rsi, r12
    shl rsi, 12
    add rsi, rbp
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    mov rbx, r12
    syscall
    test rax, rax
    jz member
    inc r12
    cmp r12d, COUNT
    jb 1b
    xor ebx, ebx
"""
_MEMBER = """member:                             # RBX: its number, its user vector
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    xor esi, esi
    syscall
    test rax, rax
    jnz wrong
    mov eax, SYS_uintr_register_self
    mov rdi, rbx
    xor esi, esi
    syscall
    test rax, rax
    js wrong
    lea rdx, [rip + entry]
    mov [rdx + 8*rbx], rax
    stui
    lock inc qword ptr [rip + ready]
1:  pause
    cmp qword ptr [rip + ready], COUNT
    jb 1b
2:  xor r12d, r12d
3:  cmp r12, rbx
    je 4f
    lea rdx, [rip + entry]
    mov rax, [rdx + 8*r12]
    senduipi rax
4:  inc r12
    cmp r12d, COUNT
    jb 3b
    lock inc qword ptr [rip + done]
5:  pause
    cmp qword ptr [rip + done], COUNT
    jb 5b
    mov ecx, 3000
6:  loop 6b
    test rbx, rbx
    jnz 5b
    mov r12d, 3                     # where cores are shared, each thread has its turn again
7:  mov eax, SYS_sched_yield
    syscall
    dec r12d
    jnz 7b
    xor edi, edi
    jmp leave_with_edi
wrong: mov edi, 99
    jmp leave_with_edi
handler:
    push rcx
    push rdx
    lea rdx, [rip + taken]
    mov rcx, [rsp + 16]
    lock inc qword ptr [rdx + 8*rcx]
    pop rdx
    pop rcx
    add rsp, 8
    uiret
"""


def everybody(n: int) -> str:
    """`n` threads, each of which is a receiver and sends to all others once, by the kernel's calls."""
    return _CREATE.replace("COUNT", str(n)) + _MEMBER.replace("COUNT", str(n))


@pytest.mark.parametrize("cores", [3, 64])
def test_64_threads_that_all_send_to_each_other_lose_nothing_and_are_the_same_run_every_time(cores: int) -> None:
    program = plain_guest(everybody(64), "ready: .quad 0\ndone: .quad 0\nentry: .zero 512\ntaken: .zero 512\n")
    hashes = []
    for _ in range(2):
        run, trace = load(program, cpus=cores, ram=64 << 20), TraceHash()
        run.machine.events.sinks[:] = [trace]
        assert run.go(None) == Exited(0)
        counts, taken = run.machine.events.counts, run.words("taken", 64)
        assert counts[SendUipi] == 64 * 63
        assert min(taken) >= 1
        assert sum(taken) == counts[HandlerEntered]
        for task in run.machine.process.tasks:
            assert task.receiver is not None
            assert (run.machine.kernel.uintr.upids.posted(task.receiver), task.uintr.uirr) == (0, 0)
        hashes.append(trace.hexdigest())
    assert hashes[0] == hashes[1]
