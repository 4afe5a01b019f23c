"""TESTUF: copy the user-fault flag to CF (UserFault, KrakOS)."""

from __future__ import annotations

from pffemu.arch.exceptions import UD
from pffemu.arch.rflags import CF, TESTUI_CLEARED
from pffemu.events.fields import Label
from pffemu.events.hw import UserInterruptFlag
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int) -> Trap | None:
    if not cpu.user_faults.enabled:
        return Trap(UD)
    rflags = cpu.registers["rflags"] & ~(TESTUI_CLEARED | CF)
    cpu.registers["rflags"] = rflags | (CF if cpu.user_faults.uff else 0)
    cpu.registers.skip(length)
    cpu.charge("cpu.uintr.testui")
    cpu.emit(UserInterruptFlag, Label("testuf"), int(cpu.user_faults.uff))
    return None
