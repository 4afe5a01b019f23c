"""TESTUI: copy the user-interrupt flag to CF (SDM vol. 2, TESTUI)."""

from __future__ import annotations

from pffemu.arch.exceptions import UD
from pffemu.arch.rflags import CF, TESTUI_CLEARED
from pffemu.events.fields import Label
from pffemu.events.hw import UserInterruptFlag
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int) -> Trap | None:
    # SDM testui.1
    if not cpu.cr4_uintr:
        return Trap(UD)
    # SDM testui.2
    rflags = cpu.registers["rflags"] & ~(TESTUI_CLEARED | CF)
    cpu.registers["rflags"] = rflags | (CF if cpu.uintr.uif else 0)
    cpu.registers.skip(length)
    cpu.charge("cpu.uintr.testui")
    cpu.emit(UserInterruptFlag, Label("testui"), int(cpu.uintr.uif))
    return None
