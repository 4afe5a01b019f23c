"""User-interrupt state and delivery (SDM vol. 3, chapter on user interrupts), and its pff form for page faults.

Delivery is all or nothing: the frame is written whole, or the trap that prevented it is returned and no state changed.
Not modelled: CET, TSX, enclaves.
"""

from __future__ import annotations

import struct

from pffemu.arch.exceptions import GP, PF, SS
from pffemu.arch.frames import FIELDS, STACK_ALIGNMENT, FrameLayout
from pffemu.arch.paging import PAGE_MASK, is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import RF, TF
from pffemu.events.details import UifCleared, WordPushed
from pffemu.events.faults import FORWARDED
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import FramePushed, FramePushRefused, HandlerEntered
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import USER, WRITE
from pffemu.hw.trap import Trap

_FRAMES = {words: struct.Struct(f"<{words}Q") for words in (4, 5, 6)}  # a frame of so many words


def pending_vector(cpu: Cpu) -> int | None:
    """UIRRV: the highest user vector in UIRR; None when nothing is pending."""
    # SDM recognition.3
    return cpu.uintr.uirr.bit_length() - 1 if cpu.uintr.uirr else None


def can_deliver(cpu: Cpu) -> bool:
    """Whether delivery is unmasked: CR4.UINTR and UIF. (CPL is always 3 here, and the code 64-bit.)

    RFLAGS.IF does not mask delivery, but the notification, which is an external interrupt, and forwarding.
    """
    # SDM recognition.2
    return cpu.cr4_uintr and cpu.uintr.uif


def deliver_user_interrupt(cpu: Cpu) -> Trap | None:
    """User-interrupt delivery (SDM) of the highest vector in UIRR. The caller has checked `can_deliver`."""
    vector = pending_vector(cpu)
    assert vector is not None
    trap = _deliver(cpu, vector, cpu.rip_rsp_rflags.read(), (vector,), ())
    if trap is None:
        cpu.uintr.uirr &= ~(1 << vector)  # SDM delivery.5
    return trap


def deliver_page_fault(cpu: Cpu, fault: Trap, registers: list[int]) -> Trap | None:
    """pff: the same delivery with the fault's address and error code above the standard frame; UIRR is not involved.

    `registers`: the current RIP, RSP and RFLAGS.
    """
    vector = cpu.apic.user_vector[PF]
    address = fault.address & PAGE_MASK if cpu.options.mask_fault_address else fault.address
    below = (vector,) if cpu.options.frame_layout is FrameLayout.VECTOR_FIRST else ()
    return _deliver(cpu, vector, registers, below, (address, fault.error_code))


def _deliver(
    cpu: Cpu, vector: int, registers: list[int], below: tuple[int, ...], above: tuple[int, ...]
) -> Trap | None:
    state = cpu.uintr
    # SDM delivery.1
    if not is_canonical(state.handler):
        return Trap(GP)
    rip, rsp, rflags = registers
    # SDM delivery.2: red zone or alternative stack, then alignment
    top = state.stackadjust if state.stackadjust & 1 else rsp - state.stackadjust
    top &= MASK64 & -STACK_ALIGNMENT
    # SDM delivery.3: all pushes at once, as user accesses
    words = (*below, rip, rflags, rsp, *above)
    new_rsp = (top - 8 * len(words)) & MASK64
    fault = cpu.bus.faults.number(cpu.tid) if above else 0
    if cpu.bus.details or cpu.mmu.store(new_rsp, _FRAMES[len(words)].pack(*words), USER) is not None:
        trap = push_word_by_word(cpu, top, words, FrameLayout.VECTOR_FIRST if below else FrameLayout.RIP_FIRST, fault)
        if trap is not None:
            return trap
    if above:
        cpu.bus.faults.take(cpu.tid, FORWARDED)
    cpu.emit(FramePushed, new_rsp, 8 * len(words), vector, rip, rsp, fault)
    # SDM delivery.6
    state.uif = False
    if cpu.bus.details:
        cpu.detail(UifCleared)
    cpu.rip_rsp_rflags.write(state.handler, new_rsp, rflags & ~(TF | RF))
    cpu.left_block()
    cpu.charge(cpu.delivery_cost)
    cpu.emit(HandlerEntered, state.handler, fault)
    return None


def push_word_by_word(cpu: Cpu, top: int, words: tuple[int, ...], layout: FrameLayout, fault: int) -> Trap | None:
    """Push below `top`, from the highest address down. If a word cannot be written, none is, and that word's trap is
    returned: #SS where its address is not canonical. The words are aligned, so there is no #AC.
    """
    pushes = [((top - 8 * (i + 1)) & MASK64, -1 - i) for i in range(len(words))]
    for address, _ in pushes:
        trap = cpu.mmu.translate(address, USER | WRITE)
        if isinstance(trap, Trap):
            if trap.vector != PF:
                return Trap(SS)
            cpu.emit(FramePushRefused, trap.address, trap.error_code, fault)
            return trap
    names = FIELDS[layout][: len(words)]
    for address, i in pushes:
        cpu.mmu.store(address, struct.pack("<Q", words[i]), USER)
        if cpu.bus.details:
            cpu.detail(WordPushed, Label(names[i]), Hex(address), Hex(words[i]))
    return None
