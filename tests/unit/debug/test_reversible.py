"""A program with 10,000 random events: N steps forward and N back are the same machine, wherever one tries it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pffemu.debug.halt import Why
from pffemu.debug.session import Session
from pffemu.events.hw import FramePushed, Mmio, Uiret
from pffemu.events.kernel import ContextSwitch, ProcessExited, Syscall
from pffemu.events.kinds import name_of
from pffemu.events.signals import SignalDelivered
from pffemu.events.userfaultfd import PageInstalled
from pffemu.state.machine_hash import machine_hash
from pffemu.state.snapshot_file import restore, save
from tests.campaign import LONG, rounds
from tests.guest_tools import REGION, Run, forwarding_guest, handle, load, page_handler
from tests.unit.debug.session_tools import start

PLACES = rounds(60, 200)
EVENTS = 10_000
STEPS = 12  # at most, forward and back
ROUNDS = 900
# Each round one of: a forwarded fault, a store to a zero page (the kernel's fault), a signal, a child, a yield, and
# unregistering and registering the region (MMIO stores of the driver).
BODY = f"""
{handle("SIGUSR1")}
    mov r15d, {ROUNDS}
    mov r14d, 12345
round:
    imul r14, r14, 1103515245
    add r14, 12345
    mov rax, r14
    shr rax, 20
    and eax, 15
    shl eax, 12
    lea rbx, [rax + {REGION}]
    mov rax, r14
    shr rax, 16
    and eax, 15
    jz child
    cmp eax, 2
    jbe signal
    cmp eax, 4
    jbe yield
    cmp eax, 5
    je region
    mov rdi, rbx
    mov esi, PAGE
    mov edx, 4
    mov eax, SYS_madvise
    syscall
    mov rcx, [rbx]
    test r14d, 0x40000
    jz next
    mov [rbx], r14
next:
    dec r15d
    jnz round
    jmp leave
child:
    mov eax, SYS_fork
    syscall
    test eax, eax
    jz leave
    mov rdi, rax
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    mov eax, SYS_wait4
    syscall
    jmp next
signal:
    mov eax, SYS_getpid
    syscall
    mov edi, eax
    mov esi, 10
    mov eax, SYS_kill
    syscall
    jmp next
yield:
    mov eax, SYS_sched_yield
    syscall
    jmp next
region:
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + registration]
    syscall
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    jmp next
on_signal:
    inc qword ptr [rip + signals]
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
"""
GUEST = forwarding_guest(
    BODY, handler=page_handler(), data="action: .quad on_signal, 0x4000000, restorer, 0\nsignals: .quad 0\n"
)
KINDS = (FramePushed, Uiret, SignalDelivered, ProcessExited, Mmio, ContextSwitch, Syscall, PageInstalled)


def events(done: Run, since: int = 0) -> set[str]:
    return {name_of(type(event)) for event in done.events[since:]}


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_snapshot_file_of_any_moment_goes_on_bit_for_bit(tmp_path: Path, cpus: int) -> None:
    whole = load(GUEST, cpus=cpus)
    stop = whole.go()
    generator, wanted = random.Random(cpus), machine_hash(whole.machine)
    for _ in range(5):
        machine = load(GUEST, cpus=cpus).machine
        machine.run(generator.randrange(whole.machine.instructions))
        save(machine, tmp_path / "state")
        restored = restore(tmp_path / "state")
        events: list[Any] = []
        restored.events.sinks.append(events.append)
        assert restored.run() == stop
        assert events == whole.events[len(whole.events) - len(events) :]
        assert machine_hash(restored) == wanted


@pytest.mark.timeout(400)  # 12 s of processor time, in a long campaign 40 s
@pytest.mark.parametrize(
    ("cpus", "places"),
    [(1, 12), pytest.param(2, PLACES, marks=pytest.mark.slow), *([(1, PLACES)] if LONG else [])],
)
def test_steps_forward_and_back_are_the_same_machine(sessions: list[Session], cpus: int, places: int) -> None:
    done = load(GUEST, cpus=cpus)
    session = start(sessions, done)
    end = session.resume()
    assert len(done.events) >= EVENTS
    assert {name_of(kind) for kind in KINDS} <= events(done)
    generator, compared = random.Random(cpus), 0
    passed: set[str] = set()
    for _ in range(places):
        session.go_to_instruction(generator.randrange(end.moment.instructions))
        session.tid = session.halt.tid
        before, moment = machine_hash(session.machine), session.halt.moment
        seen, tid, steps = len(done.events), session.tid, generator.randrange(1, STEPS)
        if not all(session.step().why is Why.STEP and session.halt.tid == tid for _ in range(steps)):
            continue  # the thread ended
        passed |= events(done, seen)
        for _ in range(steps):
            session.reverse_step()
        assert machine_hash(session.machine) == before, f"{steps} steps from {moment}"
        assert (session.halt.tid, session.halt.moment) == (tid, moment)
        compared += 1
    assert compared > places * 3 // 4
    if LONG and places == PLACES:
        assert {name_of(kind) for kind in KINDS} <= passed
