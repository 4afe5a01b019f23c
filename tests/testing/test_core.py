"""A bare core: registers and page tables of the test's own, and every entry to a kernel is a stop."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from pffemu import FramePushed, Trap, UsageError
from pffemu.arch.paging import PTE_A, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_UFFD
from pffemu.hw.mmu import UffdLookup
from pffemu.testing import core as core_module
from pffemu.testing.core import Core
from pffemu.testing.core_stops import CoreStop, CoreStopKind
from pffemu.testing.fixtures import Trace

PAGE, STACK = 0x10_0000, 0x20_0000


def test_the_example_in_the_docstring_runs() -> None:
    _, _, code = (core_module.__doc__ or "").partition("\n\n")
    exec(compile(code, "docstring", "exec"), {"Core": Core, "CoreStopKind": CoreStopKind, "struct": struct})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("mov [rdi], eax", CoreStop(CoreStopKind.PAGE_FAULT, Trap(14, 7, PAGE))),
        ("mov eax, [rdi + 4096]", CoreStop(CoreStopKind.PAGE_FAULT, Trap(14, 4, PAGE + 4096))),
        ("jmp rdi", CoreStop(CoreStopKind.PAGE_FAULT, Trap(14, 0x15, PAGE))),
        ("ud2", CoreStop(CoreStopKind.EXCEPTION, Trap(6))),
        ("div eax", CoreStop(CoreStopKind.EXCEPTION, Trap(0))),
        ("syscall", CoreStop(CoreStopKind.SYSCALL)),
        ("here: jmp here", CoreStop(CoreStopKind.BUDGET)),
    ],
)
def test_every_entry_to_a_kernel_is_a_stop(code: str, expected: CoreStop) -> None:
    core = Core(code)
    core.map(PAGE, b"\1", rights="r")
    core.registers["rdi"] = PAGE
    assert core.run() == expected


def test_a_budget_is_exact_and_the_run_goes_on() -> None:
    core = Core("again: inc rax\n jmp again")
    for done in (1, 4, 11):
        core.run(budget=done - core.cpu.instructions)
        assert (core.cpu.instructions, core.registers["rax"]) == (done, (done + 1) // 2)


def test_until_a_symbol() -> None:
    core = Core("mov eax, 5\nthere: mov eax, 6")
    assert core.run(until=["there"]).kind is CoreStopKind.REACHED
    assert (core.registers["rax"], core.registers["rip"]) == (5, core.symbols["there"])
    with pytest.raises(UsageError, match="no symbol 'nowhere'"):
        core.run(until=["nowhere"])


def test_entries_are_walked_as_they_are_now() -> None:
    core = Core("mov eax, [rdi]\n mov [rdi], ebx")
    core.registers["rdi"] = PAGE
    core.registers["rbx"] = 9
    assert core.run().trap == Trap(14, 4, PAGE)
    core.map(PAGE, b"\7")
    core.run(budget=1)
    assert (core.registers["rax"], core.entry(PAGE) & (PTE_A | PTE_D)) == (7, PTE_A)
    core.run(budget=1)
    assert (core.read(PAGE, 4), core.entry(PAGE) & PTE_D) == (struct.pack("<I", 9), PTE_D)
    core.registers["rip"] = core.symbols.get("_start", 0x400000)
    core.set_entry(PAGE, core.entry(PAGE) | 1 << 51)  # behind MAXPHYADDR
    assert core.run().trap == Trap(14, 0xD, PAGE)
    core.unmap(PAGE)
    assert core.run().trap == Trap(14, 4, PAGE)


def test_code_that_the_test_rewrites_is_the_new_code() -> None:
    core = Core("_start: mov eax, 1\n syscall")
    core.run()
    core.write(core.symbols["_start"], b"\xb8\x02\0\0\0")
    core.registers["rip"] = core.symbols["_start"]
    core.run()
    assert core.registers["rax"] == 2


FORWARDED = "_start: mov rax, [rdi]\n syscall\nhandler: nop\n"


@pytest.mark.parametrize("lookup", list(UffdLookup))
def test_a_forwarded_fault_pushes_its_frame(lookup: UffdLookup) -> None:
    core = Core(FORWARDED, uffd_lookup=lookup)
    core.map(STACK, size=4096)
    core.registers["rdi"], core.registers["rsp"] = PAGE + 8, STACK + 4096
    core.forward_page_faults(core.symbols["handler"], PAGE, 4096)
    if lookup is UffdLookup.PTE_BIT:
        core.set_entry(PAGE, PTE_UFFD)
    assert core.run(until=["handler"]).kind is CoreStopKind.REACHED
    frame = struct.unpack("<6Q", core.read(core.registers["rsp"], 48))
    assert frame == (frame[0], core.symbols["_start"], frame[2], STACK + 4096, PAGE + 8, 4)
    assert not core.cpu.uintr.uif


@pytest.mark.parametrize(
    ("entry", "error_code", "covered"),
    [
        (PTE_UFFD, 7, True), (PTE_UFFD, 6, True), (PTE_UFFD | PTE_P | PTE_U, 6, True),
        (PTE_UFFD | PTE_P | PTE_U, 4, False),
    ],
    ids=["evicted", "missing", "protected", "there"],
)  # fmt: skip
def test_an_entry_counts_as_it_is_now_not_as_the_walk_was_refused(entry: int, error_code: int, covered: bool) -> None:
    """Another core has evicted a protected page, or brought a missing one in, since the walk."""
    core = Core(FORWARDED, uffd_lookup=UffdLookup.PTE_BIT)
    core.map(PAGE, size=4096)
    core.set_entry(PAGE, entry)
    found = core.cpu.mmu.check_region(Trap(14, error_code, PAGE))
    assert (found.inside, found.covered) == (True, covered)


def test_a_handler_that_brings_no_page_is_named() -> None:
    core = Core("_start: mov rax, [rdi]\nhandler: add rsp, 8\n uiret")
    core.map(STACK, size=4096)
    core.registers["rdi"], core.registers["rsp"] = PAGE, STACK + 4096
    core.forward_page_faults(core.symbols["handler"], PAGE, 4096)
    assert core.run(budget=1_000_000) == CoreStop(CoreStopKind.STUCK, Trap(14, 4, PAGE))


def test_an_interrupt_is_taken_before_the_next_instruction() -> None:
    core = Core("again: inc rax\n jmp again")
    core.run(budget=3)
    core.request(0x31)
    assert core.run() == CoreStop(CoreStopKind.INTERRUPT, vector=0x31)
    assert core.cpu.instructions == 3


def test_a_user_interrupt_reaches_its_handler() -> None:
    core = Core("again: jmp again\nhandler: pop rax\n syscall")
    core.map(STACK, size=4096)
    core.registers["rsp"] = STACK + 4096
    core.cpu.uintr.handler, core.cpu.uintr.uif, core.cpu.uintr.uirr = core.symbols["handler"], True, 1 << 5
    assert core.run().kind is CoreStopKind.SYSCALL
    assert core.registers["rax"] == 5


def test_bad_input_is_a_usage_error() -> None:
    core = Core()
    core.map(PAGE)
    for wrong in (
        lambda: core.map(PAGE), lambda: core.map(1 << 47), lambda: core.map(0, rights="q"),
        lambda: core.read(STACK, 1), lambda: core.map(STACK, size=32 << 20), lambda: core.forward_page_faults(0, 1, 2),
        lambda: Core("nop", counting=False).run(),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            wrong()


def test_rights_become_bits() -> None:
    core = Core()
    core.map(PAGE, rights="rx")
    core.map(STACK, rights="r")
    assert core.entry(PAGE) & (PTE_P | PTE_U) == PTE_P | PTE_U
    assert not core.entry(PAGE) & PTE_NX % (1 << 64)
    assert core.entry(STACK) & PTE_NX % (1 << 64)


def test_the_fixture_traces(core: Callable[..., Core], trace: Trace) -> None:
    made = core(FORWARDED)
    made.map(STACK, size=4096)
    made.registers["rdi"], made.registers["rsp"] = PAGE, STACK + 4096
    made.forward_page_faults(made.symbols["handler"], PAGE, 4096)
    made.run(until=["handler"])
    assert [event.interrupted_rsp for event in trace.of(FramePushed)] == [STACK + 4096]


@pytest.mark.parametrize("compiled", [True, False])
def test_code_that_was_run_and_is_written_anew_is_what_is_there_now(compiled: bool) -> None:
    core = Core("_start: nop\n nop\n nop\n nop\n syscall", compiled=compiled)
    start = core.registers["rip"]
    assert core.run().kind is CoreStopKind.SYSCALL
    core.write(start, bytes.fromhex("f00fabc8"))  # lock bts eax, ecx: Unicorn cannot translate it
    core.registers["rip"] = start
    assert core.run() == CoreStop(CoreStopKind.EXCEPTION, Trap(6))
