"""STUI, CLUI, TESTUI and UIRET: guards, effects, encodings."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from pffemu import Deadlock, Exited, Killed
from pffemu.arch import rflags
from pffemu.arch.exceptions import GP, PF, SS, UD
from pffemu.arch.pagefault import U
from pffemu.arch.rflags import UIRET_MASK
from pffemu.events.hw import Uiret, UserInterruptFlag, WalkRefused
from pffemu.hw import insns, uintr
from pffemu.hw.insns import clui, stui, testui, uiret
from pffemu.hw.trap import Trap
from tests.guest_tools import CHECKPOINT, MASK, PAGE, REGION, Run, forwarding_guest, load, run

NAMES = {"uiret": uiret, "testui": testui, "clui": clui, "stui": stui}
OPCODES = {"uiret": 0xEC, "testui": 0xED, "clui": 0xEE, "stui": 0xEF}
STATUS = rflags.ZF | rflags.AF | rflags.OF | rflags.PF | rflags.SF
HIGH = 0xFFFF_8000_0000_0000


@pytest.fixture(scope="module")
def halted() -> Run:
    """A guest that has stopped; for instructions executed by hand, which leave it changed."""
    return load(forwarding_guest(CHECKPOINT + "jmp leave\n")).to_checkpoint()


def before(instruction: str) -> Run:
    """A guest stopped directly before `instruction`, with label `after` behind it."""
    return load(forwarding_guest(f"{CHECKPOINT}insn: {instruction}\nafter: nop\njmp leave\n")).to_checkpoint()


@pytest.mark.parametrize("uif", [False, True])
@pytest.mark.parametrize(("instruction", "result"), [("stui", True), ("clui", False), ("testui", None)])
def test_stui_sets_clui_clears_and_testui_keeps_uif(instruction: str, result: bool | None, uif: bool) -> None:
    done = before(instruction)
    done.cpu.uintr.uif = uif
    assert done.go() == Exited(0)
    (event,) = done.of(UserInterruptFlag)[1:]  # the first is setup's STUI
    assert (event.instruction, event.uif) == (instruction, uif if result is None else result)


@pytest.mark.parametrize("instruction", ["stui", "clui", "testui"])
def test_an_instruction_moves_rip_by_its_length_and_counts_once(instruction: str) -> None:
    done = before(instruction)
    executed = done.cpu.instructions
    assert done.go(budget=1).exit_code == 124
    assert done.cpu.registers["rip"] == done.symbol("after") == done.symbol("insn") + 4
    assert done.cpu.instructions == executed + 1


@pytest.mark.parametrize("uif", [False, True])
@pytest.mark.parametrize("flags", [0, rflags.CF, STATUS, STATUS | rflags.CF | rflags.DF])
def test_testui_puts_uif_in_cf_and_clears_the_other_status_flags(flags: int, uif: bool) -> None:
    done = before("testui")
    done.cpu.uintr.uif = uif
    base = rflags.IF | rflags.ALWAYS_ONE
    done.cpu.registers["rflags"] = base | flags
    done.go(budget=1)
    assert done.cpu.registers["rflags"] == base | (flags & rflags.DF) | (rflags.CF if uif else 0)


@pytest.mark.parametrize("instruction", ["stui", "clui"])
def test_stui_and_clui_change_no_register_but_rip(instruction: str) -> None:
    done = before(instruction)
    done.cpu.registers["rflags"] |= STATUS | rflags.CF
    registers = done.cpu.engine.save_registers()
    done.go(budget=1)
    assert done.cpu.engine.save_registers() == registers.replace(rip=done.symbol("after"))


@pytest.mark.parametrize("instruction", NAMES)
def test_every_instruction_is_ud_without_cr4_uintr_and_changes_nothing(instruction: str) -> None:
    done = before(instruction)
    done.cpu.cr4_uintr = False
    registers, state = done.cpu.engine.save_registers(), dataclasses.replace(done.cpu.uintr)
    assert NAMES[instruction].execute(done.cpu, 4) == Trap(UD)
    assert (done.cpu.engine.save_registers(), done.cpu.uintr) == (registers, state)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGILL
    assert f"`{instruction}` with CR4.UINTR=0" in stop.message
    assert done.cpu.engine.save_registers() == registers


@pytest.mark.parametrize("name", ["clui", "stui", "testui"])
@pytest.mark.parametrize("rex", range(0x40, 0x50))
def test_a_rex_prefix_is_ignored(name: str, rex: int) -> None:
    done = before(f".byte 0xf3, {rex:#x}, 0x0f, 0x01, {OPCODES[name]:#x}")
    done.go(budget=1)
    assert done.of(UserInterruptFlag)[1].instruction == name
    assert done.cpu.registers["rip"] == done.symbol("after") == done.symbol("insn") + 5


@pytest.mark.parametrize("opcode", OPCODES.values(), ids=OPCODES)
@pytest.mark.parametrize("prefix", ["", "0x66, ", "0xf2, ", "0xf0, 0xf3, "], ids=["none", "66", "F2", "LOCK F3"])
def test_the_same_opcode_without_f3_or_with_lock_is_ud(opcode: int, prefix: str) -> None:
    stop = before(f".byte {prefix}0x0f, 0x01, {opcode:#x}").go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGILL


def test_a_truncated_or_foreign_encoding_is_none_of_ours() -> None:
    for code in (b"", b"\xf3", b"\xf3\x0f\x01", b"\xf3\x48\x0f\x01", b"\xf3\x0f\x01\xf9", b"\xf3\x0f\x02\xec", b"\x90"):
        assert insns.own_instruction(code) is None


@pytest.mark.parametrize(
    ("code", "then_ours"),
    [
        ("f30fc7f3 f30f01ec", True),  # senduipi rbx; uiret
        ("f3410fc7f3 f3410fc7f3 f30f01ec", True),
        ("f30f01ef f30f01ee", True),  # stui; clui
        ("f30f01ef 90 f30f01ee", False),
        ("f30f01ef", False),
        ("f30fc7f3 f30f01", False),
        ("f30f01ec f30f01ef", False),  # UIRET goes elsewhere
    ],
)
def test_the_bytes_tell_whether_the_next_instruction_is_ours_too(code: str, then_ours: bool) -> None:
    found = insns.find(bytes.fromhex(code))
    assert found is not None
    assert found.then_ours is then_ours


def test_uiret_pops_rip_rflags_and_rsp_and_sets_uif() -> None:
    body = """
        clui
        mov rbp, rsp
        push 0x12345
        push 0x246
        lea rax, [rip + after]
        push rax
        uiret
        jmp failed
    after:
        mov [rip + scratch], rsp
        pushfq
        pop [rip + scratch + 8]
        jmp leave
    """.replace("pop [rip", "pop qword ptr [rip").replace("push 0x246", "push 0xCD7")
    done = run(forwarding_guest(body.replace("pushfq", "mov rsp, rbp\npushfq")))
    assert done.stop == Exited(0)
    assert done.word("scratch") == 0x12345
    assert done.word("scratch", 1) == 0xCD5 | rflags.IF | rflags.ALWAYS_ONE
    (event,) = done.of(Uiret)
    assert (event.rip, event.uif) == (done.symbol("after"), 1)


def with_frame(done: Run, rip: int, flags: int, rsp: int) -> None:
    """RSP at a frame as UIRET pops it."""
    at = done.symbol("scratch") + 128
    done.machine.memory.write(at, struct.pack("<3Q", rip, flags, rsp))
    done.cpu.registers["rsp"] = at


@given(old=st.integers(0, MASK), popped=st.integers(0, MASK), rsp=st.integers(0, MASK))
def test_uiret_restores_only_the_flags_of_its_mask(halted: Run, old: int, popped: int, rsp: int) -> None:
    cpu = halted.cpu
    old = old & UIRET_MASK | rflags.IF | rflags.ALWAYS_ONE
    cpu.registers["rflags"] = old
    with_frame(halted, 0x400000, popped, rsp)
    assert uiret.execute(cpu, 4) is None
    assert cpu.rip_rsp_rflags.read() == [0x400000, rsp, popped & UIRET_MASK | rflags.IF | rflags.ALWAYS_ONE]


def test_the_mask_is_the_manuals() -> None:
    names = [0, 2, 4, 6, 7, 8, 10, 11, 14, 16, 18, 21]  # CF PF AF ZF SF TF DF OF NT RF AC ID
    assert sum(1 << bit for bit in names) == UIRET_MASK


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("popped", [0, rflags.ALWAYS_ONE])
def test_uif_after_uiret_is_1_or_under_flexible_uiret_bit_1_of_the_popped_rflags(flexible: bool, popped: int) -> None:
    done = load(forwarding_guest(CHECKPOINT + "jmp leave\n"), flexible_uiret=flexible).to_checkpoint()
    for uif in (False, True):
        done.cpu.uintr.uif = uif
        with_frame(done, 0x400000, popped, 0)
        assert uiret.execute(done.cpu, 4) is None
        assert done.cpu.uintr.uif is (bool(popped) if flexible else True)
        assert done.cpu.registers["rflags"] & rflags.ALWAYS_ONE


@pytest.mark.parametrize("flexible", [False, True])
def test_a_handler_under_flexible_uiret_returns_with_uif_set(flexible: bool) -> None:
    body = f"mov rbx, {REGION}\nmov al, [rbx]\nmov al, [rbx + PAGE]\njmp leave\n"
    done = run(forwarding_guest(body), flexible_uiret=flexible)
    assert done.stop == Exited(0)
    assert [event.uif for event in done.of(Uiret)] == [1, 1]


@pytest.mark.parametrize(("flags", "uif"), [(0x202, 1), (0x200, 0)], ids=["bit 1 kept", "bit 1 cleared by the handler"])
def test_flexible_uiret_lets_a_handler_return_with_uif_clear(flags: int, uif: int) -> None:
    body = f"push rsp\npush {flags}\nlea rax, [rip + back]\npush rax\nuiret\nback: jmp leave\n"
    done = run(forwarding_guest(body), flexible_uiret=True)
    assert done.stop == Exited(0)
    assert [event.uif for event in done.of(Uiret)] == [uif]


@pytest.mark.parametrize("rip", [1 << 47, HIGH - 1, 1 << 63, 0x1234_5678_9ABC_DEF0])
def test_uiret_to_a_rip_that_is_not_canonical_is_gp_and_changes_nothing(rip: int) -> None:
    done = before("uiret")
    done.cpu.uintr.uif = False
    with_frame(done, rip, 0x202, 0)
    registers = done.cpu.engine.save_registers()
    assert uiret.execute(done.cpu, 4) == Trap(GP)
    assert (done.cpu.engine.save_registers(), done.cpu.uintr.uif) == (registers, False)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert "UIRET to a RIP that is not canonical" in stop.message
    assert done.cpu.engine.save_registers() == registers


def test_uiret_to_a_kernel_address_returns_and_then_faults_on_the_fetch() -> None:
    done = before("uiret")
    with_frame(done, HIGH, 0x202, 0x1000)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert done.cpu.registers["rip"] == HIGH


@pytest.mark.parametrize("rsp", [0x3000_0000, 0x3000_0000 - 8, HIGH])
def test_uiret_on_a_stack_that_faults_is_a_page_fault_and_changes_nothing(rsp: int) -> None:
    done = before("uiret")
    done.cpu.registers["rsp"] = rsp
    registers = done.cpu.engine.save_registers()
    assert uiret.execute(done.cpu, 4) == Trap(PF, U, rsp)
    assert done.cpu.engine.save_registers() == registers
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert f"read of {rsp:#x}" in stop.message
    assert done.cpu.engine.save_registers() == registers


def test_uiret_on_a_stack_that_is_not_canonical_is_ss() -> None:
    done = before("uiret")
    done.cpu.registers["rsp"] = 1 << 47
    assert uiret.execute(done.cpu, 4) == Trap(SS)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGBUS


@given(
    flags=st.integers(0, MASK),
    rip=st.integers(0, (1 << 47) - 1) | st.integers(HIGH, MASK),
    rsp=st.integers(0, MASK),
    code=st.integers(0, 31),
)
def test_delivery_and_uiret_together_restore_rip_rsp_and_the_masks_flags(
    halted: Run, flags: int, rip: int, rsp: int, code: int
) -> None:
    cpu = halted.cpu
    flags = flags & UIRET_MASK | rflags.IF | rflags.ALWAYS_ONE
    cpu.uintr.uif = True
    cpu.uintr.stackadjust = halted.symbol("scratch") + PAGE - 512 | 1  # another stack, so that any RSP will do
    assert uintr.deliver_page_fault(cpu, Trap(PF, code, rsp ^ rip), [rip, rsp, flags]) is None
    assert not cpu.uintr.uif
    cpu.registers["rsp"] += 8  # the handler drops the vector
    assert uiret.execute(cpu, 4) is None
    assert cpu.rip_rsp_rflags.read() == [rip, rsp, flags]
    assert cpu.uintr.uif


def test_a_page_fault_of_uiret_itself_is_forwarded_like_any_other() -> None:
    # UIF=1, another stack for the handler, and UIRET's own frame on a missing page of the region
    done = before("uiret")
    done.cpu.uintr.stackadjust = done.symbol("scratch") + PAGE - 512 | 1
    done.cpu.registers["rsp"] = REGION + 2 * PAGE + 64
    stop = done.go()
    assert done.decisions()[0] == ("forward", "all conditions hold"), stop
    rsp = REGION + 2 * PAGE + 64
    assert done.frames()[0][3:] == [rsp, rsp, U]


def test_a_page_fault_of_uiret_with_uif_clear_is_decided_and_traced() -> None:
    done = before("uiret")
    done.cpu.uintr.uif = False
    done.cpu.registers["rsp"] = REGION + 2 * PAGE + 64
    stop = done.go()
    assert isinstance(stop, Deadlock)
    assert [event.address for event in done.of(WalkRefused)] == [REGION + 2 * PAGE + 64]
    assert done.decisions() == [("kernel", "UIF=0")]
