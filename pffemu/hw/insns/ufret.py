"""UFRET: return from a user-fault handler (UserFault, KrakOS), which has popped the fault code and the address."""

from __future__ import annotations

from pffemu.arch.exceptions import GP, UD
from pffemu.arch.paging import is_canonical
from pffemu.arch.rflags import UIRET_MASK
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.uiret import popped, returned
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
    cpu.charge("cpu.uintr.uiret")
    returned(cpu, new_rip, rflags, new_rflags, 1, PATH)
    return None
