"""STUF: set the user-fault flag (UserFault, KrakOS)."""

from __future__ import annotations

from pffemu.arch.exceptions import UD
from pffemu.events.fields import Label
from pffemu.events.hw import UserInterruptFlag
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int) -> Trap | None:
    if not cpu.user_faults.enabled:
        return Trap(UD)
    cpu.user_faults.uff = True
    cpu.registers.skip(length)
    cpu.charge("cpu.uintr.stui")
    cpu.emit(UserInterruptFlag, Label("stuf"), 1)
    return None
