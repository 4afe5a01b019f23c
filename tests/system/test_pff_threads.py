"""Faults in several threads: handlers and their state are each thread's own; readers share one descriptor."""

from __future__ import annotations

from collections import Counter

import pytest

from pffemu import Deadlock, Exited, Mode
from pffemu.events.hw import FramePushed, HandlerEntered, Uiret
from pffemu.events.kernel import ContextSwitch, ForwardingSwitched, ThreadCreated
from pffemu.events.userfaultfd import MessageQueued, MessageRead
from tests.guest_tools import PAGE, REGION, REGION_PAGES, Run, build, run

THREADS = 4
_GUEST = """
.include "pff.inc"
.equ PAGE, 4096
.equ REGION, {region:#x}
.equ SIZE, {size:#x}
.equ SHARE, {share:#x}
.text
.globl _start
_start:
    mov eax, SYS_mmap
    mov edi, REGION
    mov esi, SIZE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov [rip + uffd], rax
    mov r12, rax
    mov rdi, r12
    mov eax, SYS_ioctl
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    mov rdi, r12
    mov eax, SYS_ioctl
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    test rax, rax
    jnz failed
    lea r15, [rip + stacks]
    mov ebx, {readers}
1:  test ebx, ebx
    jz 2f
    call new_thread
    test eax, eax
    jz reader
    dec ebx
    jmp 1b
2:  xor ebx, ebx
3:  call new_thread
    test eax, eax
    jz worker
    inc ebx
    cmp ebx, {threads}
    jb 3b
4:  mov edx, [rip + done]
    cmp edx, {threads}
    je 5f
    mov eax, SYS_futex
    lea rdi, [rip + done]
    mov esi, FUTEX_WAIT
    xor r10d, r10d
    syscall
    jmp 4b
5:  xor edi, edi
    mov eax, SYS_exit_group
    syscall
failed:
    mov edi, 99
    mov eax, SYS_exit_group
    syscall

# -> eax: 0 in the new thread, whose number is ebx
new_thread:
    add r15, 8192
    pop r14
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    mov rsi, r15
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    jmp r14

# writes its number into each of its pages; then adds them up
worker:
    {ask}
    mov eax, ebx
    imul rax, rax, SHARE
    add rax, REGION
    mov r12, rax
    lea r13, [rax + SHARE]
    mov rcx, r12
6:  mov [rcx + 8], ebx
    add rcx, PAGE
    cmp rcx, r13
    jb 6b
    lock inc dword ptr [rip + done]
    mov eax, SYS_futex
    lea rdi, [rip + done]
    mov esi, FUTEX_WAKE
    mov edx, 1
    syscall
    mov eax, SYS_exit
    xor edi, edi
    syscall

reader:
    sub rsp, 64
7:  mov eax, SYS_read
    mov rdi, [rip + uffd]
    mov rsi, rsp
    mov edx, 32
    syscall
    cmp rax, 32
    jne failed
    mov rdi, [rsp + 16]
    call bring_in
    jmp 7b

handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rdi, [rsp + 80]
    call bring_in
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret

bring_in:
    and rdi, -PAGE
    sub rsp, 40
    mov [rsp], rdi
    mov qword ptr [rsp + 8], PAGE
    mov qword ptr [rsp + 16], 0
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    mov rdx, rsp
    syscall
    add rsp, 40
    test rax, rax
    jnz failed
    ret

.data
uffd:         .quad 0
done:         .quad 0
api:          .quad UFFD_API, 0, 0
registration: .quad REGION, SIZE, UFFDIO_REGISTER_MODE_MISSING, 0
.balign 16
stacks:       .zero 131072
"""
ASK = """mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    test rax, rax
    jnz failed
    stui"""


def threads(*, readers: int = 0, ask: str = "", **options: object) -> Run:
    size = REGION_PAGES * PAGE
    source = _GUEST.format(
        region=REGION, size=size, share=size // THREADS, readers=readers, threads=THREADS, ask=ask or "nop"
    )
    return run(build(source), **options)


def assert_every_page_is_written(done: Run) -> None:
    assert done.stop == Exited(0), done.stop
    share = REGION_PAGES // THREADS
    for page in range(REGION_PAGES):
        word = done.machine.memory.read(REGION + page * PAGE + 8, 4)
        assert int.from_bytes(word, "little") == page // share


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_every_thread_with_a_handler_gets_its_own_faults(cpus: int) -> None:
    done = threads(ask=ASK, cpus=cpus)
    assert_every_page_is_written(done)
    counts = done.machine.counts()
    assert counts["forwarded"] == counts["uirets"] == REGION_PAGES
    assert counts["uffd_messages"] == counts["handler_threads"] == 0
    by_thread = Counter(event.tid for event in done.of(HandlerEntered))
    assert sorted(by_thread.values()) == [REGION_PAGES // THREADS] * THREADS
    stacks = {event.tid: event.rsp for event in done.of(FramePushed)}
    assert len(set(stacks.values())) == THREADS  # each on its own stack
    assert all(event.uif == 1 for event in done.of(Uiret))


def test_the_active_bit_follows_the_thread_on_a_shared_core() -> None:
    done = threads(ask=ASK, cpus=1)
    switches = [e for e in done.events if isinstance(e, ForwardingSwitched | ContextSwitch | HandlerEntered)]
    active = 0
    for event in switches:
        if isinstance(event, ForwardingSwitched):
            active = event.active
        elif isinstance(event, HandlerEntered):
            assert active
    assert {event.active for event in done.of(ForwardingSwitched)} == {0, 1}


ODD_ASK = f"stui\ntest ebx, 1\njz 8f\n{ASK}\n8: mov eax, SYS_sched_yield\nsyscall"
EVEN_CLUI = f"{ASK}\ntest ebx, 1\njnz 8f\nclui\n8: mov eax, SYS_sched_yield\nsyscall"


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize(
    ("ask", "reason"), [(ODD_ASK, "forwarding_active[14]=0"), (EVEN_CLUI, "UIF=0")], ids=["handler", "UIF"]
)
def test_handler_and_uif_belong_to_the_thread_and_not_to_its_core(ask: str, reason: str, cpus: int) -> None:
    """Odd threads are forwarded; even ones, on the same cores, go through the reader."""
    done = threads(readers=1, ask=ask, cpus=cpus)
    assert_every_page_is_written(done)
    reader, *workers = sorted(event.child for event in done.of(ThreadCreated))[1:]
    share = REGION_PAGES // THREADS
    assert Counter(event.tid for event in done.of(HandlerEntered)) == {workers[1]: share, workers[3]: share}
    assert {event.tid for event in done.of(MessageQueued)} == {workers[0], workers[2]}
    assert {event.tid for event in done.of(MessageRead)} == {reader}
    assert ("kernel", reason) in done.decisions()


@pytest.mark.parametrize("mode", [Mode.UFFD, Mode.PFF])
@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("cpus", [1, 4])
def test_several_readers_share_the_messages_of_several_faulting_threads(mode: Mode, readers: int, cpus: int) -> None:
    """Under PFF too: a handler is not inherited, so these threads take the ordinary path."""
    done = threads(readers=readers, mode=mode, cpus=cpus)
    assert_every_page_is_written(done)
    counts = done.machine.counts()
    assert counts["forwarded"] == 0
    assert counts["uffd_messages"] >= REGION_PAGES
    assert len(done.of(MessageRead)) == len(done.of(MessageQueued))
    assert 1 <= counts["handler_threads"] <= readers


def test_threads_on_four_cores_keep_several_readers_busy() -> None:
    assert threads(readers=3, mode=Mode.UFFD, cpus=4).machine.counts()["handler_threads"] > 1


def test_a_handler_is_not_inherited_by_new_threads() -> None:
    done = threads(cpus=2)
    assert isinstance(done.stop, Deadlock)
    assert {reason for _, reason in done.decisions()} <= {"forwarding_active[14]=0", "UIF=0"}
    assert done.stop.message.count("to bring in") == THREADS


@pytest.mark.parametrize("mode", [Mode.UFFD, Mode.PFF])
def test_faulting_threads_leave_the_same_trace_twice_and_compiled_or_not(mode: Mode) -> None:
    ask, readers = (ASK, 0) if mode is Mode.PFF else ("", 2)
    traces = [
        threads(readers=readers, ask=ask, mode=mode, cpus=4, compiled=compiled).events
        for compiled in (None, None, False)
    ]
    assert traces[0] == traces[1] == traces[2]
