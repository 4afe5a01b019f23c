"""Delivery of user interrupts pending in UIRR: when, which one, with what frame."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from pffemu import BudgetUsedUp, Exited, Killed
from pffemu.arch import msrs
from pffemu.arch.exceptions import GP, PF
from pffemu.arch.pagefault import U, W
from pffemu.arch.rflags import IF
from pffemu.events.hw import FramePushed, FramePushRefused, HandlerEntered, InterruptAccepted, WalkRefused
from pffemu.events.kernel import MinorFault
from pffemu.hw import uintr
from pffemu.hw.msrs import wrmsr
from pffemu.hw.trap import Trap
from pffemu.hw.xsave import xrstors, xsaves
from tests.guest_tools import CHECKPOINT, LOGGING_HANDLER, REGION, Run, forwarding_guest, load

# logs the vector word only: the standard frame has no address
VECTOR_HANDLER = """
handler:
    push rax
    push rdi
    mov rdi, [rip + log_end]
    mov rax, [rsp + 16]
    mov [rdi], rax
    add rdi, 8
    mov [rip + log_end], rdi
    pop rdi
    pop rax
    add rsp, 8
    uiret
"""
IDLE = forwarding_guest(CHECKPOINT + "after: nop\nnop\nnop\njmp leave\n", handler=VECTOR_HANDLER)


def vectors(done: Run) -> list[int]:
    return done.words("log", (done.word("log_end") - done.symbol("log")) // 8)


@pytest.fixture(scope="module")
def halted() -> Run:
    return load(IDLE).to_checkpoint()


def test_the_frame_of_a_user_interrupt_is_vector_rip_rflags_rsp() -> None:
    done = load(IDLE).to_checkpoint()
    rip, rsp, flags = done.cpu.rip_rsp_rflags.read()
    done.cpu.uintr.uirr = 1 << 7
    assert uintr.deliver_user_interrupt(done.cpu) is None
    new = done.cpu.registers["rsp"]
    assert new == ((rsp - 128) & -16) - 32
    assert done.machine.memory.read(new, 32) == struct.pack("<4Q", 7, rip, flags, rsp)
    assert done.cpu.uintr.uirr == 0
    assert not done.cpu.uintr.uif
    assert done.cpu.registers["rip"] == done.symbol("handler")


def test_the_highest_vector_comes_first_and_the_next_after_uiret() -> None:
    done = load(IDLE).to_checkpoint()
    done.cpu.uintr.uirr = 1 << 3 | 1 << 63 | 1 << 40 | 1
    assert done.go() == Exited(0)
    assert vectors(done) == [63, 40, 3, 0]
    assert {event.interrupted_rip for event in done.of(FramePushed)} == {done.symbol("after")}
    assert done.cpu.uintr.uirr == 0


@pytest.mark.parametrize("condition", ["UIF", "CR4.UINTR"])
def test_a_user_interrupt_stays_pending_while_a_condition_fails(condition: str) -> None:
    done = load(IDLE).to_checkpoint()
    state = done.cpu.uintr
    state.uirr = 1 << 5
    if condition == "UIF":
        state.uif = False
    else:
        done.cpu.cr4_uintr = False
    assert isinstance(done.go(budget=2), BudgetUsedUp)
    assert not done.of(HandlerEntered)
    assert state.uirr == 1 << 5
    assert done.go() == Exited(0)
    assert not done.of(HandlerEntered)


def test_rflags_if_holds_no_user_interrupt_back() -> None:
    done = load(IDLE).to_checkpoint()
    done.cpu.uintr.uirr = 1 << 5
    done.cpu.registers["rflags"] &= ~IF
    assert done.go() == Exited(0)
    assert vectors(done) == [5]


def test_stui_lets_a_pending_user_interrupt_in_at_the_next_instruction() -> None:
    done = load(forwarding_guest("clui\n" + CHECKPOINT + "nop\nstui\nafter: jmp leave\n", handler=VECTOR_HANDLER))
    done.to_checkpoint()
    done.cpu.uintr.uirr = 1 << 9
    assert done.go() == Exited(0)
    assert vectors(done) == [9]
    assert [event.interrupted_rip for event in done.of(FramePushed)] == [done.symbol("after")]


def test_whatever_makes_uirr_non_zero_is_recognised() -> None:
    def by_wrmsr(done: Run) -> None:
        assert wrmsr(done.cpu, msrs.IA32_UINTR_RR, 1 << 9) is None

    def by_xrstors(done: Run) -> None:
        words = [*struct.unpack("<6Q", xsaves(done.cpu))]
        words[4] = 1 << 9
        assert xrstors(done.cpu, struct.pack("<6Q", *words)) is None

    for how in (by_wrmsr, by_xrstors):
        done = load(IDLE).to_checkpoint()
        how(done)
        assert done.go() == Exited(0)
        assert vectors(done) == [9]
        assert [event.interrupted_rip for event in done.of(FramePushed)] == [done.symbol("after")]


def test_an_external_interrupt_comes_before_a_user_interrupt() -> None:
    done = load(IDLE).to_checkpoint()
    done.cpu.uintr.uirr = 1 << 9
    done.cpu.apic.request(0xFD)
    done.cpu.plan()
    assert done.go() == Exited(0)
    order = [type(event) for event in done.events if isinstance(event, (InterruptAccepted, HandlerEntered))]
    assert order == [InterruptAccepted, HandlerEntered]


def test_a_user_interrupt_waits_until_the_handler_of_a_forwarded_fault_returns() -> None:
    body = f"mov rbx, {REGION}\nfault: mov rax, [rbx]\njmp leave\n"
    handler = LOGGING_HANDLER.replace("handler:\n", "handler:\n    cmp qword ptr [rsp], 14\n    jne other\n").replace(
        "    cld\n", "    mov eax, SYS_gettid\n    syscall\n    cld\n"
    )
    other = "other:\n    mov byte ptr [rip + scratch], 1\n    add rsp, 8\n    uiret\n"
    done = load(forwarding_guest(body, handler=handler + other)).to_checkpoint()
    done.cpu.uintr.uirr = 1 << 2
    assert done.go() == Exited(0)
    assert [event.vector for event in done.of(FramePushed)] == [14, 2]
    assert [event.interrupted_rip for event in done.of(FramePushed)] == [done.symbol("fault")] * 2
    assert len(done.of(WalkRefused)) == 1


def test_a_pending_user_interrupt_at_a_boundary_comes_before_the_next_instructions_fault() -> None:
    body = f"mov rbx, {REGION}\n{CHECKPOINT}fault: mov rax, [rbx]\njmp leave\n"
    handler = LOGGING_HANDLER.replace("handler:\n", "handler:\n    cmp qword ptr [rsp], 14\n    jne other\n")
    done = load(forwarding_guest(body, handler=handler + "other:\n    add rsp, 8\n    uiret\n")).to_checkpoint()
    done.cpu.uintr.uirr = 1 << 2
    assert done.go() == Exited(0)
    assert [event.vector for event in done.of(FramePushed)] == [2, 14]


def test_a_stack_page_that_is_not_there_yet_comes_in_and_delivery_is_tried_again() -> None:
    done = load(IDLE).to_checkpoint()
    lazy = done.cpu.registers["rsp"] - (1 << 20) & -4096  # in the stack's area, never touched
    done.cpu.registers["rsp"] = lazy + 256
    done.cpu.uintr.uirr = 1 << 6
    assert done.go() == Exited(0)
    assert vectors(done) == [6]
    assert [(e.address, e.error_code) for e in done.of(FramePushRefused)] == [(lazy + 256 - 128 - 8, W | U)]
    assert [event.page for event in done.of(MinorFault)] == ["zero"]


def test_a_delivery_that_faults_keeps_the_interrupt_pending_and_uif_set() -> None:
    done = load(IDLE).to_checkpoint()
    done.cpu.registers["rsp"] = 0x3000_0000
    done.cpu.uintr.uirr = 1 << 6
    registers = done.cpu.engine.save_registers()
    assert uintr.deliver_user_interrupt(done.cpu) == Trap(PF, W | U, 0x3000_0000 - 128 - 8)
    assert (done.cpu.uintr.uirr, done.cpu.uintr.uif) == (1 << 6, True)
    assert done.cpu.engine.save_registers() == registers


def test_a_handler_that_is_not_canonical_is_gp_while_a_user_interrupt_is_delivered() -> None:
    done = load(IDLE).to_checkpoint()
    done.cpu.uintr.handler = 1 << 50
    done.cpu.uintr.uirr = 1
    assert uintr.deliver_user_interrupt(done.cpu) == Trap(GP)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert "while a user interrupt was delivered" in stop.message


@given(pending=st.integers(1, (1 << 64) - 1))
def test_delivery_takes_exactly_the_highest_pending_bit(halted: Run, pending: int) -> None:
    cpu = halted.cpu
    cpu.uintr.stackadjust = halted.symbol("scratch") + 1024 | 1
    cpu.uintr.uirr = pending
    highest = max(bit for bit in range(64) if pending >> bit & 1)
    assert uintr.pending_vector(cpu) == highest
    assert uintr.deliver_user_interrupt(cpu) is None
    assert cpu.uintr.uirr == pending & ~(1 << highest)
    assert halted.machine.memory.read_u64(cpu.registers["rsp"]) == highest


def test_nothing_is_pending_while_uirr_is_0(halted: Run) -> None:
    halted.cpu.uintr.uirr = 0
    assert uintr.pending_vector(halted.cpu) is None
