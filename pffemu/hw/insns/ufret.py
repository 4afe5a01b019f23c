"""UFRET: return from a user-fault handler (UserFault, KrakOS), which has popped the fault code and the address."""

from __future__ import annotations

from pffemu.arch.exceptions import GP, UD
from pffemu.arch.paging import is_canonical
from pffemu.arch.rflags import AC, UIRET_MASK
from pffemu.events.hw import Resumed, Uiret
from pffemu.hw.careful import ALIGNMENT
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.uiret import popped
from pffemu.hw.trap import Trap
from pffemu.hw.user_fault import PATH


def execute(cpu: Cpu, _length: int) -> Trap | None:
    if not cpu.user_faults.enabled:
        return Trap(UD)
    _, rsp, rflags = cpu.rip_rsp_rflags.read()
    frame = popped(cpu, rsp, rflags)
    if isinstance(frame, Trap):
        return frame
    new_rip, new_rflags, new_rsp = frame
    if not is_canonical(new_rip):
        return Trap(GP)
    cpu.rip_rsp_rflags.write(new_rip, new_rsp, rflags & ~UIRET_MASK | new_rflags & UIRET_MASK)
    cpu.user_faults.uff = True
    cpu.left_block()
    if (rflags ^ new_rflags) & AC:
        cpu.check(ALIGNMENT, bool(new_rflags & AC))
    cpu.charge("cpu.uintr.uiret")
    fault, path = cpu.bus.faults.end_at(cpu.tid, new_rip, PATH)
    cpu.emit(Uiret, new_rip, 1, fault)
    if fault:
        cpu.charge("cpu.tlb_miss")  # the access that faulted is repeated
        cpu.emit(Resumed, new_rip, fault, path)
    return None
