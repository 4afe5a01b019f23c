"""UIRET: return from a user-interrupt handler (SDM vol. 2, UIRET). Software has already dropped the vector word.

Left out: CET shadow stacks, address monitoring.
"""

from __future__ import annotations

import struct

from pffemu.arch.exceptions import GP, PF, SS, UD
from pffemu.arch.paging import is_canonical
from pffemu.arch.rflags import ALWAYS_ONE, UIRET_MASK
from pffemu.events import Resumed, Uiret
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap

_FRAME = struct.Struct("<3Q")


def execute(cpu: Cpu, _length: int) -> Trap | None:
    # SDM uiret.1
    if not cpu.cr4_uintr:
        return Trap(UD)
    _, rsp, rflags = cpu.rip_rsp_rflags.read()
    # SDM uiret.2
    frame = cpu.mmu.load(rsp, 24, USER)
    if isinstance(frame, Trap):
        return frame if frame.vector == PF else Trap(SS)
    new_rip, new_rflags, new_rsp = _FRAME.unpack(frame)
    # SDM uiret.3
    if not is_canonical(new_rip):
        return Trap(GP)
    # SDM uiret.4
    cpu.rip_rsp_rflags.write(new_rip, new_rsp, rflags & ~UIRET_MASK | new_rflags & UIRET_MASK)
    # SDM uiret.5
    cpu.uintr.uif = not cpu.options.flexible_uiret or bool(new_rflags & ALWAYS_ONE)
    cpu.left_block()
    cpu.charge("cpu.uintr.uiret")
    cpu.emit(Uiret, new_rip, int(cpu.uintr.uif))
    if new_rip == cpu.uintr.fault_rip:
        cpu.uintr.fault_rip = None
        cpu.charge("cpu.tlb_miss")  # of the access that is made again
        cpu.emit(Resumed, new_rip)
    return None
