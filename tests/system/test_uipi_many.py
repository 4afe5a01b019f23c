"""User interrupts among 2 to 64 cores: rings, several senders to one receiver."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited
from pffemu.events import HandlerEntered, IpiSent, TraceHash
from tests.uipi import load_many, upid_of, wire


def ring(threads: int, rounds: int) -> str:
    """A token goes round: whoever has it passes it on, thread 0 counts the rounds."""
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
