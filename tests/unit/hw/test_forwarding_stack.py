"""The stack forwarding pushes on, and the handler it enters: where they can fault themselves."""

from __future__ import annotations

import pytest

from pffemu import Deadlock, Exited
from pffemu.arch.pagefault import P, U, W
from pffemu.events.hw import FramePushed, FramePushRefused
from pffemu.events.userfaultfd import MessageQueued
from pffemu.hw.mmu import UffdLookup
from tests.guest_tools import LOGGING_HANDLER, PAGE, REGION, forwarding_guest, run

FORWARDED = ("forward", "all conditions hold")
TOUCH = "mov rbx, REGION + 3 * PAGE\nfault: mov rax, [rbx + 0x123]\n"
both_lookups = pytest.mark.parametrize("lookup", UffdLookup, ids=lambda lookup: lookup.value)

STACK_IN_REGION = """
    mov rbx, REGION
    lea rsp, [rbx + 8 * PAGE]
fault:
    mov rax, [rbx]
    mov [rip + scratch], rsp
    jmp leave
"""


@both_lookups
def test_a_stack_that_lies_in_a_region_makes_the_push_an_ordinary_fault(lookup: UffdLookup) -> None:
    done = run(forwarding_guest(STACK_IN_REGION), uffd_lookup=lookup)
    assert isinstance(done.stop, Deadlock)
    assert done.decisions() == [FORWARDED]
    assert not done.of(FramePushed)
    (refused,) = done.of(FramePushRefused)
    pushed_at = REGION + 8 * PAGE - 128 - 8
    assert (refused.address, refused.error_code) == (pushed_at, W | U)
    (message,) = done.of(MessageQueued)
    assert (message.address, message.flags) == (REGION + 7 * PAGE, 1)
    assert done.cpu.registers["rip"] == done.symbol("fault")
    assert done.cpu.registers["rsp"] == REGION + 8 * PAGE
    assert done.cpu.uintr.uif


def test_the_fault_is_forwarded_once_the_stack_in_the_region_is_there() -> None:
    stack_first = "mov rbx, REGION\nmov rax, [rbx + 7 * PAGE]\n" + STACK_IN_REGION
    done = run(forwarding_guest(stack_first))
    assert done.stop == Exited(0)
    # the stack's page is the shared zero page at first: the push asks the kernel for a copy, then is tried again
    assert done.decisions() == [FORWARDED, FORWARDED, FORWARDED]
    assert [event.error_code for event in done.of(FramePushRefused)] == [P | W | U]
    assert done.word("scratch") == REGION + 8 * PAGE
    assert done.frames()[1][3:5] == [REGION + 8 * PAGE, REGION]


FAULTS_FIRST = "    push rax\n    mov rax, REGION + 9 * PAGE\nin_handler:\n    mov rax, [rax]\n    pop rax\n"
FAULTING_HANDLER = LOGGING_HANDLER.replace("handler:\n", "handler:\n" + FAULTS_FIRST)


@both_lookups
def test_a_fault_inside_the_handler_is_not_forwarded(lookup: UffdLookup) -> None:
    done = run(forwarding_guest(TOUCH + "jmp leave\n", handler=FAULTING_HANDLER), uffd_lookup=lookup)
    assert isinstance(done.stop, Deadlock)
    assert "inside the user-interrupt handler is not forwarded" in done.stop.message
    assert done.decisions() == [FORWARDED, ("kernel", "UIF=0")]
    assert [event.address for event in done.of(MessageQueued)] == [REGION + 9 * PAGE]
    assert done.cpu.registers["rip"] == done.symbol("in_handler")


@both_lookups
def test_a_handler_that_executes_stui_takes_its_own_faults_forwarded(lookup: UffdLookup) -> None:
    nested = LOGGING_HANDLER.replace(
        "    cld\n",
        "    cmp qword ptr [rip + scratch], 0\n    jne 1f\n    mov qword ptr [rip + scratch], 1\n    stui\n"
        "    mov rax, REGION + 9 * PAGE\n    mov rax, [rax]\n1:  cld\n",
    )
    done = run(forwarding_guest(TOUCH + "jmp leave\n", handler=nested), uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert done.decisions() == [FORWARDED, FORWARDED]
    assert [frame[4] for frame in done.frames()] == [REGION + 9 * PAGE, REGION + 3 * PAGE + 0x123]
