"""A run that is looked at is the same run: breakpoints, steps, budgets and interrupts leave trace and state alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited, Interrupted, Mode, Reached, Stop
from pffemu.events.trace import TraceHash
from pffemu.hw.cpu import SavedRegisters
from tests.guest_tools import REGION, Run, forwarding_guest, load

# Two threads that spin on a shared counter, take turns on one core, fault pages in, and time each other with RDTSC.
GUEST_SOURCE = f"""
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    lea rsi, [rip + scratch + 4096]
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test eax, eax
    jz child
    mov rbx, {REGION}
    mov r12d, 4
parent:
    mov ecx, 3000
spin:
    rdtsc
    add r13, rax
    lea r14, [r13 + 4*r14]
    dec ecx
    jnz spin
access: mov rax, [rbx]
    add rbx, 4096
    mov eax, SYS_sched_yield
    syscall
    dec r12d
    jnz parent
    mov dword ptr [rip + scratch], 1
wait: cmp dword ptr [rip + scratch + 8], 1
    jne wait
    mov edi, 5
    jmp leave_with_edi
child:
    lea rsi, [rip + log]
    lea rdi, [rip + log + 4096]
    mov ecx, 200
    rep movsb
    add r15, 3
again: cmp dword ptr [rip + scratch], 1
    jne child
    mov dword ptr [rip + scratch + 8], 1
sleep: jmp sleep
"""
GUEST = forwarding_guest(GUEST_SOURCE)
PLACES = ("spin", "access", "parent", "handler", "child", "again", "wait", "sleep")


@dataclass(frozen=True)
class End:
    stop: Stop
    trace: str
    instructions: int
    clocks: tuple[int, ...]
    registers: tuple[SavedRegisters, ...]


def start(cpus: int, mode: Mode = Mode.PFF, compiled: bool | None = None) -> tuple[Run, TraceHash]:
    done = load(GUEST, cpus=cpus, mode=mode, compiled=compiled)
    trace = TraceHash()
    done.machine.events.sinks = [trace]
    return done, trace


def end_of(done: Run, trace: TraceHash, stop: Stop) -> End:
    cpus = done.machine.cpus
    return End(
        stop, trace.hexdigest(), done.machine.instructions, tuple(cpu.clock for cpu in cpus),
        tuple(cpu.engine.save_registers() for cpu in cpus),
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed() -> dict[int, End]:
    ends = {}
    for cpus in (1, 2):
        done, trace = start(cpus)
        ends[cpus] = end_of(done, trace, done.machine.run())
        assert ends[cpus].stop == Exited(5)
    return ends


@settings(max_examples=8, deadline=None)
@given(
    cpus=st.integers(1, 2),
    moves=st.lists(
        st.tuples(
            st.one_of(st.none(), st.sampled_from([1, 2, 3, 7, 100, 5_000, 20_000])),
            st.sets(st.sampled_from(PLACES), max_size=3),
        ),
        max_size=120,
    ),
)
def test_any_stops_leave_trace_clocks_and_registers_as_they_are(
    undisturbed: dict[int, End], cpus: int, moves: list[tuple[int | None, set[str]]]
) -> None:
    done, trace = start(cpus)
    for budget, places in moves:
        stop = done.machine.run(budget, places)
        if isinstance(stop, Exited):
            break
    else:
        stop = done.machine.run()
    assert end_of(done, trace, stop) == undisturbed[cpus]


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("compiled", [None, False])
def test_interrupts_from_another_thread_leave_everything_as_it_is(
    undisturbed: dict[int, End], cpus: int, compiled: bool | None
) -> None:
    done, trace = start(cpus, compiled=compiled)
    ended = threading.Event()

    def disturb() -> None:
        while not ended.wait(0.0002):
            done.machine.interrupt()

    thread = threading.Thread(target=disturb)
    thread.start()
    interrupts = 0
    while isinstance(stop := done.machine.run(), Interrupted):
        interrupts += 1
    ended.set()
    thread.join()
    assert end_of(done, trace, stop) == undisturbed[cpus]
    assert interrupts > 5


def test_a_thread_behind_one_that_is_stopped_again_and_again_still_gets_its_turn() -> None:
    done, _ = start(1)
    seen = set()
    for _ in range(4_500):
        stop = done.machine.run(until=["spin", "again"])
        if isinstance(stop, Reached):
            seen.add(stop.address)
    assert seen == {done.symbol("spin"), done.symbol("again")}
