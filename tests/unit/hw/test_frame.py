"""The frame a forwarded fault pushes: its bytes, where it lies, and that it is pushed whole or not at all."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from pffemu import Exited, Killed
from pffemu.arch.exceptions import GP, PF, SS
from pffemu.arch.frames import EXTENDED_SIZE, FrameLayout
from pffemu.arch.pagefault import P, U, W
from pffemu.arch.rflags import IF, RF, TF
from pffemu.events.hw import FramePushed, FramePushRefused, HandlerEntered
from pffemu.hw import uintr
from pffemu.hw.cpu import UintrState
from pffemu.hw.trap import Trap
from tests.guest_tools import CHECKPOINT, MASK, PAGE, REGION, Run, forwarding_guest, load, run

FAULT_AT = REGION + 3 * PAGE + 0x123
TOUCH = f"mov rbx, {FAULT_AT}\n"
HALTED = forwarding_guest(TOUCH + CHECKPOINT + "fault: mov rax, [rbx]\nafter: mov rcx, rsp\njmp leave\n")


@pytest.fixture(scope="module")
def halted() -> Run:
    """A guest just before its fault; for deliveries by hand, which leave it changed."""
    return load(HALTED).to_checkpoint()


def stack_top(done: Run) -> int:
    """An address in the populated stack, 16-byte aligned, far from page edges."""
    return (done.cpu.registers["rsp"] & -PAGE) + 0x800


EXTENDED = (FrameLayout.VECTOR_FIRST, FrameLayout.RIP_FIRST)


@pytest.mark.parametrize("layout", EXTENDED, ids=lambda layout: layout.value)
def test_the_frames_words_lie_in_the_order_of_the_layout_from_rsp_upwards(layout: FrameLayout) -> None:
    done = load(HALTED, frame_layout=layout).to_checkpoint()
    rsp, rflags = done.cpu.registers["rsp"], done.cpu.registers["rflags"]
    registers = done.cpu.rip_rsp_rflags.read()
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U | W, FAULT_AT), registers) is None
    words = [done.symbol("fault"), rflags, rsp, FAULT_AT, U | W]
    if layout is FrameLayout.VECTOR_FIRST:
        words.insert(0, 14)
    size = EXTENDED_SIZE[layout]
    assert size == 8 * len(words)
    assert done.machine.memory.read(done.cpu.registers["rsp"], size) == struct.pack(f"<{len(words)}Q", *words)


@pytest.mark.parametrize("rip_first", [False, True], ids=["vector first", "RIP first"])
def test_a_handler_finds_its_frame_and_returns_under_both_layouts(rip_first: bool) -> None:
    layout = FrameLayout.RIP_FIRST if rip_first else FrameLayout.VECTOR_FIRST
    body = "mov [rip + scratch], rsp\n" + TOUCH + "fault: mov rax, [rbx]\nmov [rip + scratch + 8], rsp\njmp leave\n"
    done = run(forwarding_guest(body, rip_first=rip_first), frame_layout=layout)
    assert done.stop == Exited(0)
    (frame,) = done.frames()
    rip, _, rsp, address, code = frame[:5] if rip_first else frame[1:6]
    before, after = done.words("scratch", 2)
    assert (rip, rsp, address, code) == (done.symbol("fault"), before, FAULT_AT, U)
    assert before == after
    if not rip_first:
        assert frame[0] == 14


@pytest.mark.parametrize("layout", EXTENDED, ids=lambda layout: layout.value)
@pytest.mark.parametrize("residue", range(16))
def test_the_frame_is_pushed_from_a_16_byte_boundary_whatever_rsp_was(residue: int, layout: FrameLayout) -> None:
    done = load(HALTED, frame_layout=layout).to_checkpoint()
    rsp = done.cpu.registers["rsp"] = stack_top(done) + residue
    registers = done.cpu.rip_rsp_rflags.read()
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), registers) is None
    handler_rsp = done.cpu.registers["rsp"]
    assert handler_rsp == ((rsp - 128) & -16) - EXTENDED_SIZE[layout]
    assert handler_rsp % 16 == (0 if layout is FrameLayout.VECTOR_FIRST else 8)
    pushed = done.machine.memory.read_u64(handler_rsp + (24 if layout is FrameLayout.VECTOR_FIRST else 16))
    assert pushed == rsp


@pytest.mark.parametrize("residue", range(16))
def test_the_guest_goes_on_with_its_own_rsp_and_an_intact_red_zone(residue: int) -> None:
    fill = """
        mov rsp, rbp
        lea rdi, [rsp - 128]
        mov eax, 0x5A
        mov ecx, 128
        rep stosb
        mov rax, [rbx]
        mov [rip + scratch], rsp
        lea rsi, [rsp - 128]
        lea rdi, [rip + scratch + 256]
        mov ecx, 128
        rep movsb
        jmp leave
    """
    guest = forwarding_guest(TOUCH + f"mov rbp, rsp\nand rbp, -16\nsub rbp, {1024 - residue}\n" + fill)
    done = run(guest)
    assert done.stop == Exited(0)
    (frame,) = done.frames()
    assert frame[3] == done.word("scratch")
    assert frame[3] % 16 == residue
    assert done.machine.memory.read(done.symbol("scratch") + 256, 128) == b"\x5a" * 128


def test_without_a_red_zone_adjustment_the_frame_lies_directly_below_rsp() -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.uintr.stackadjust = 0
    rsp = done.cpu.registers["rsp"] = stack_top(done)
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), done.cpu.rip_rsp_rflags.read()) is None
    assert done.cpu.registers["rsp"] == rsp - 48


@pytest.mark.parametrize("below", [1, 9, 15])
def test_bit_0_of_stackadjust_loads_an_aligned_stack_instead(below: int) -> None:
    """The value's low four bits, bit 0 among them, never reach RSP."""
    done = load(HALTED).to_checkpoint()
    old = done.cpu.registers["rsp"]
    other = done.symbol("scratch") + 2048
    done.cpu.uintr.stackadjust = other | below
    assert done.go() == Exited(0)
    (pushed,) = done.of(FramePushed)
    assert (pushed.rsp, pushed.interrupted_rsp) == (other - 48, old)
    assert done.cpu.registers["rcx"] == old


def test_the_address_is_all_of_cr2_or_its_page_with_mask_fault_address() -> None:
    guest = forwarding_guest(TOUCH + "mov rax, [rbx]\njmp leave\n")
    assert run(guest).frames()[0][4] == FAULT_AT
    assert run(guest, mask_fault_address=True).frames()[0][4] == FAULT_AT & -PAGE


def test_the_vector_word_comes_from_the_apics_map() -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.apic.user_vector[14] = 33
    assert done.go() == Exited(0)
    assert done.frames()[0][0] == 33
    assert [event.vector for event in done.of(FramePushed)] == [33]


def test_forwarding_leaves_uirr_alone() -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.uintr.uirr = 0
    done.cpu.apic.user_vector[14] = 5
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), done.cpu.rip_rsp_rflags.read()) is None
    assert done.cpu.uintr.uirr == 0


def test_the_handler_starts_with_uif_tf_and_rf_clear_and_every_other_flag_kept() -> None:
    done = load(HALTED).to_checkpoint()
    rip, rsp, rflags = done.cpu.rip_rsp_rflags.read()
    assert rflags & IF
    interrupted = rflags | TF | RF | 0xCD5
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), [rip, rsp, interrupted]) is None
    assert done.cpu.registers["rflags"] == interrupted & ~(TF | RF)
    assert not done.cpu.uintr.uif
    assert done.cpu.registers["rip"] == done.symbol("handler")
    assert done.machine.memory.read_u64(done.cpu.registers["rsp"] + 16) == interrupted


def test_a_single_stepped_access_is_forwarded_without_stepping_the_handler() -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.registers["rflags"] |= TF
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGTRAP
    assert done.cpu.registers["rip"] == done.symbol("after")  # the trap comes behind the restarted access
    assert done.frames()[0][2] & TF
    assert len(done.of(HandlerEntered)) == 1


@pytest.mark.parametrize("into_upper_page", range(8, 48, 8))
def test_a_frame_may_lie_across_two_pages(into_upper_page: int) -> None:
    done = load(HALTED).to_checkpoint()
    edge = done.cpu.registers["rsp"] & -PAGE
    done.cpu.uintr.stackadjust = 0
    top = edge + (into_upper_page + 15 & -16)
    done.cpu.registers["rsp"] = top
    assert done.go() == Exited(0)
    assert done.frames()[0] == [
        14, done.symbol("fault"), done.frames()[0][2], top, FAULT_AT, U,
    ]  # fmt: skip
    assert done.cpu.registers["rcx"] == top


def everything(done: Run, readable: list[int]) -> tuple[object, ...]:
    """All registers, the user-interrupt state, and the pages named."""
    memory = [done.machine.memory.read(page, PAGE) for page in readable]
    return done.cpu.engine.save_registers(), dataclasses.replace(done.cpu.uintr), done.cpu.instructions, memory


MAP_TWO = """
    mov eax, SYS_mmap
    mov edi, 0x20000000
    mov esi, 3 * PAGE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE
    mov r8, -1
    xor r9d, r9d
    syscall
    mov eax, {call}
    mov edi, {page}
    mov esi, PAGE
    mov edx, PROT_READ
    syscall
"""
MAPPED = 0x2000_0000


@pytest.mark.parametrize(
    ("call", "page", "code"),
    [
        pytest.param("SYS_munmap", MAPPED, W | U, id="its low part not mapped"),
        pytest.param("SYS_munmap", MAPPED + PAGE, W | U, id="its high part not mapped"),
        pytest.param("SYS_mprotect", MAPPED, P | W | U, id="its low part read-only"),
        pytest.param("SYS_mprotect", MAPPED + PAGE, P | W | U, id="its high part read-only"),
    ],
)
def test_a_frame_that_does_not_fit_changes_nothing_and_is_an_ordinary_page_fault(
    call: str, page: int, code: int
) -> None:
    guest = forwarding_guest(MAP_TWO.format(call=call, page=page) + TOUCH + CHECKPOINT + "fault: mov rax, [rbx]\n")
    done = load(guest).to_checkpoint()
    done.cpu.registers["rsp"] = MAPPED + PAGE + 128 + 16  # 16 bytes of the frame in the upper page, 32 in the lower
    readable = [p for p in (MAPPED, MAPPED + PAGE, MAPPED + 2 * PAGE) if done.machine.memory.is_present(p)]
    before = everything(done, readable)
    trap = uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), done.cpu.rip_rsp_rflags.read())
    # pushed from the highest address down: two words in the upper page, then one directly below it
    expected_address = MAPPED + PAGE + (8 if page > MAPPED else -8)
    assert trap == Trap(PF, code, expected_address)
    assert everything(done, readable) == before
    # and the same through the machine: the kernel gets the stack's fault, which nothing can resolve here
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert f"write to {expected_address:#x}" in stop.message
    assert done.cpu.uintr == UintrState()  # the kernel took the dead thread's handler away
    registers, _, instructions, memory = everything(done, readable)
    assert (registers, instructions, memory) == (before[0], before[2], before[3])
    assert [event.address for event in done.of(FramePushRefused)] == [expected_address] * 2
    assert not done.of(FramePushed)


@pytest.mark.parametrize("handler", [1 << 47, 0xFFFF_7FFF_FFFF_FFFF, 0x1234_0000_0040_0000])
def test_a_handler_that_is_not_canonical_is_gp_and_sigsegv_with_a_message(handler: int) -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.uintr.handler = handler
    before = everything(done, [])
    assert uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), done.cpu.rip_rsp_rflags.read()) == Trap(GP)
    assert everything(done, []) == before
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert f"UIHANDLER {handler:#x} is not canonical" in stop.message


@pytest.mark.parametrize("rsp", [1 << 47 | 0x1000, 0xFFFF_0000_0000_0000, 128])
def test_a_stack_that_is_not_canonical_is_ss(rsp: int) -> None:
    done = load(HALTED).to_checkpoint()
    done.cpu.registers["rsp"] = rsp
    trap = uintr.deliver_page_fault(done.cpu, Trap(PF, U, FAULT_AT), done.cpu.rip_rsp_rflags.read())
    if rsp == 128:  # wraps around to the top of the canonical upper half: a kernel address, not present here
        assert trap == Trap(PF, W | U, MASK + 1 - 8)
        return
    assert trap == Trap(SS)
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGBUS
    assert "stack is not canonical" in stop.message


@given(
    flags=st.integers(0, (1 << 22) - 1),
    rip=st.integers(0, MASK),
    offset=st.integers(512, 2048),
    adjust=st.integers(0, 256),
    address=st.integers(0, MASK),
    code=st.integers(0, 31),
)
def test_the_frame_holds_whatever_the_interrupted_state_was(
    halted: Run, flags: int, rip: int, offset: int, adjust: int, address: int, code: int
) -> None:
    cpu = halted.cpu
    base = stack_top(halted) & -PAGE
    rsp = base + offset
    cpu.uintr.stackadjust = adjust & ~1
    cpu.uintr.uif = True
    assert uintr.deliver_page_fault(cpu, Trap(PF, code, address), [rip, rsp, flags]) is None
    new = cpu.registers["rsp"]
    assert new == ((rsp - (adjust & ~1)) & -16) - 48
    assert halted.machine.memory.read(new, 48) == struct.pack("<6Q", 14, rip, flags, rsp, address, code)
