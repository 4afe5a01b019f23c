"""The APIC's page and the DMA device mapped into ring 3: kernel bypass, timers on virtual time, and random accesses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited
from pffemu.arch import apic_regs, dma_device
from pffemu.arch import dma_device as dma
from pffemu.arch.paging import PTE_NX, PTE_P, PTE_U, PTE_W
from pffemu.events.hw import FramePushed, HandlerEntered, Mmio, Timer
from tests.guest_tools import Run, load, plain_guest
from tests.uipi import DATA, wire

APIC, DMA = 0x3000_0000, 0x3000_1000  # where the guest sees the pages
VECTOR, USER_VECTOR = 0x40, 33
HANDLER = """
handler:
    pop r12
    rdtsc
    mov r13, rax
    inc r14
    uiret
"""


def guest(body: str) -> Run:
    """At `ready`: xAPIC mode, both pages mapped, vector 0x40 forwarded to this thread as user vector 33, UIF=1."""
    run = load(plain_guest(f"ready:\n{body}\nxor edi, edi\njmp leave_with_edi\n{HANDLER}", DATA))
    run.machine.run(until=["ready"])
    wire(run, 0, "handler", [], uif=True)
    pages, cpu = run.machine.process.mm.pages, run.cpu
    for address, frame in ((APIC, apic_regs.APIC_BASE), (DMA, dma_device.BASE)):
        pages.set(address, frame | PTE_P | PTE_W | PTE_U | PTE_NX)
    cpu.apic.x2apic = False
    cpu.apic.forwarding_enabled = cpu.apic.forwarding_active = 1 << VECTOR
    cpu.apic.user_vector[VECTOR] = USER_VECTOR
    return run


WAIT = "1: cmp r14, {}\njb 1b\n"


@pytest.mark.parametrize(("mode", "times"), [(apic_regs.TIMER_ONE_SHOT, 1), (apic_regs.TIMER_PERIODIC, 4)])
def test_ring_3_arms_the_apic_timer_and_is_interrupted_on_time(mode: int, times: int) -> None:
    run = guest(f"""
    mov rbx, {APIC}
    mov dword ptr [rbx + {apic_regs.TIMER_DIVIDE}], 0xb
    mov dword ptr [rbx + {apic_regs.LVT_TIMER}], {mode << 17 | VECTOR}
    mov dword ptr [rbx + {apic_regs.TIMER_INITIAL}], 5000
    {WAIT.format(times)}
    mov dword ptr [rbx + {apic_regs.TIMER_INITIAL}], 0
    """)
    armed = run.cpu.clock
    assert run.go() == Exited(0)
    expired = [event.time for event in run.of(Timer)]
    entered = [event.time for event in run.of(HandlerEntered)]
    assert len(expired) == len(entered) == times
    start = next(event.time for event in run.of(Mmio) if event.offset == apic_regs.TIMER_INITIAL and event.write)
    assert armed <= start
    for number, (time, entry) in enumerate(zip(expired, entered, strict=True), start=1):
        assert 0 <= time - start - 5000 * number <= 20
        assert 0 < entry - time < 1000
    assert [frame.vector for frame in run.of(FramePushed)] == [USER_VECTOR] * times
    assert run.cpu.apic.isr == 0


def test_ring_3_starts_a_dma_transfer_and_is_interrupted_when_the_data_is_there() -> None:
    run = guest(f"""
    lea rsi, [rip + source]
    mov rax, [rsi]
    mov rbx, {DMA}
    mov rax, [rip + from]
    mov [rbx + {dma.SOURCE}], rax
    mov rax, [rip + to]
    mov [rbx + {dma.DESTINATION}], rax
    mov dword ptr [rbx + {dma.LENGTH}], 8
    mov dword ptr [rbx + {dma.DELAY}], 4000
    mov dword ptr [rbx + {dma.INTERRUPT}], {dma.INTERRUPT_ENABLE | VECTOR}
    mov dword ptr [rbx + {dma.COMMAND}], 1
    mov r8, [rip + target]
    {WAIT.format(1)}
    mov r9, [rip + target]
    mov r10, [rbx + {dma.STATUS}]
    jmp over
.data
.balign 4096
source: .quad 0x1122334455667788
target: .quad 0
from: .quad 0
to: .quad 0
.text
over:
    """)
    pages = run.machine.process.mm.pages
    run.machine.memory.read_u64(run.symbol("source"))
    frame = pages.entry(run.symbol("source")) & 0xFFFF_FFFF_F000
    run.machine.memory.write_u64(run.symbol("from"), frame)
    run.machine.memory.write_u64(run.symbol("to"), frame + 8)
    assert run.go() == Exited(0)
    registers = run.cpu.registers
    assert (registers["r8"], registers["r9"], registers["r10"]) == (0, 0x1122334455667788, dma.STATUS_DONE)
    (entered,) = run.of(HandlerEntered)
    command = next(event.time for event in run.of(Mmio) if event.offset == dma.COMMAND and event.write)
    assert 4000 <= entered.time - command < 5000


FORMS = ("mov {b} ptr [rbx + {o}], {r}", "mov {r}, {b} ptr [rbx + {o}]", "xchg {b} ptr [rbx + {o}], {r}")
accesses = st.lists(
    st.tuples(
        st.sampled_from(FORMS),
        st.sampled_from((("byte", "al"), ("word", "ax"), ("dword", "eax"), ("qword", "rax"))),
        st.sampled_from((APIC, DMA)),
        st.integers(0, 0xFF).map(lambda i: 16 * i) | st.integers(0, 0xFF8) | st.integers(0, 0x48),
        st.integers(0, (1 << 64) - 1) | st.integers(0, 0x1FF),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(steps=accesses)
def test_no_access_of_ring_3_to_a_device_is_an_error_of_pythons(
    steps: list[tuple[str, tuple[str, str], int, int, int]],
) -> None:
    lines = []
    for form, (size, register), page, offset, value in steps:
        lines += [f"mov rbx, {page}", f"mov rax, {value}", form.format(b=size, o=offset, r=register)]
    run = guest("\n".join(lines))
    run.cpu.uintr.uif = False
    assert run.go(100_000) is not None
