"""User faults (UserFault, KrakOS): page faults of ring 3 enter a handler there while UFF is set, wherever they lie.

There is no region check: the handler itself finds out whether the address is its own. What it cannot resolve it
accesses with UFF=0, so that the kernel does. Frame, flags and alignment are those of the published gem5 microcode; in
contrast to user interrupts there is no step below the red zone.
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch import pagefault
from pffemu.arch.exceptions import GP
from pffemu.arch.frames import STACK_ALIGNMENT, FrameLayout
from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import RF, TF
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import FramePushed, HandlerEntered
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap
from pffemu.hw.uintr import push_word_by_word

PATH: Final = Label("userfault")
DECISION: Final = Label("UFF=1")
# bits of the frame's fault code
PRESENT: Final = 1 << 0
WRITE: Final = 1 << 1
FETCH: Final = 1 << 2

_FRAME: Final = struct.Struct("<5Q")


def takes(cpu: Cpu, fault: Trap) -> bool:
    """Whether `fault`, with UFF set, is a user fault: of CPL 3, a missing page or missing rights at any level."""
    return cpu.user_faults.enabled and fault.error_code & (pagefault.U | pagefault.RSVD) == pagefault.U


def code_of(error_code: int) -> int:
    """The fault code of a #PF's error code."""
    code = PRESENT if error_code & pagefault.P else 0
    code |= WRITE if error_code & pagefault.W else 0
    return code | (FETCH if error_code & pagefault.I else 0)


def deliver(cpu: Cpu, fault: Trap, registers: list[int]) -> Trap | None:
    """Push the frame, clear UFF and enter the handler; or the trap that prevents it, with no state changed.

    `registers`: the current RIP, RSP and RFLAGS.
    """
    state = cpu.user_faults
    if not is_canonical(state.handler):
        return Trap(GP)
    rip, rsp, rflags = registers
    top = rsp & MASK64 & -STACK_ALIGNMENT
    words = (code_of(fault.error_code), fault.address, rip, rflags, rsp)
    new_rsp = (top - _FRAME.size) & MASK64
    number = cpu.bus.faults.number(cpu.tid)
    if cpu.bus.details or cpu.mmu.store(new_rsp, _FRAME.pack(*words), USER) is not None:
        trap = push_word_by_word(cpu, top, words, FrameLayout.USER_FAULT, number)
        if trap is not None:
            return trap
    cpu.bus.faults.take(cpu.tid, PATH)
    cpu.emit(FramePushed, Hex(new_rsp), _FRAME.size, fault.vector, Hex(rip), Hex(rsp), number)
    state.uff = False
    cpu.rip_rsp_rflags.write(state.handler, new_rsp, rflags & ~(TF | RF))
    cpu.left_block()
    cpu.charge(cpu.delivery_cost)
    cpu.emit(HandlerEntered, Hex(state.handler), number)
    return None
