"""SETTIMER r64: arm the thread's kernel-bypass timer once, from ring 3 (xUI: set_timer(cycles, mode)).

xUI publishes no encoding; pffemu's is F3 0F C7 /4 with a register operand, the span in cycles; 0 disarms the timer, as
for the APIC timer.
"""

from __future__ import annotations

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import UD
from pffemu.events.fields import Label
from pffemu.events.hw import Timer
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, register: int, periodic: bool = False) -> Trap | None:
    """#UD where the kernel has not enabled the timer for this thread. `register`: the operand's number."""
    timer = cpu.kb_timer
    if not cpu.cr4_uintr or not timer.enabled:
        return Trap(UD)
    cycles = cpu.registers[REGISTERS_64[register]]
    cpu.charge("cpu.uintr.settimer")
    timer.deadline = cpu.clock + cycles if cycles else 0
    timer.period = cycles if periodic else 0
    cpu.plan()
    cpu.registers.skip(length)
    cpu.emit(Timer, Label("kb"), Label("armed"), cycles)
    return None
