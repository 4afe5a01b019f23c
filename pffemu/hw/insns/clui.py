"""CLUI: clear the user-interrupt flag (SDM vol. 2, CLUI)."""

from __future__ import annotations

from pffemu.arch.exceptions import UD
from pffemu.events.fields import Label
from pffemu.events.hw import UserInterruptFlag
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int) -> Trap | None:
    # SDM clui.1
    if not cpu.cr4_uintr:
        return Trap(UD)
    # SDM clui.2
    cpu.uintr.uif = False
    cpu.registers.skip(length)
    cpu.charge("cpu.uintr.clui")
    cpu.emit(UserInterruptFlag, Label("clui"), 0)
    return None
