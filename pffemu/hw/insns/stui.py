"""STUI: set the user-interrupt flag (SDM vol. 2, STUI). No one-instruction shadow, as in Bochs."""

from __future__ import annotations

from pffemu.arch.exceptions import UD
from pffemu.events.fields import Label
from pffemu.events.hw import UserInterruptFlag
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int) -> Trap | None:
    # SDM stui.1
    if not cpu.cr4_uintr:
        return Trap(UD)
    # SDM stui.2
    cpu.uintr.uif = True
    cpu.registers.skip(length)
    cpu.charge("cpu.uintr.stui")
    cpu.emit(UserInterruptFlag, Label("stui"), 1)
    return None
