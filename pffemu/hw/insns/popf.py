"""POPFQ that changes EFLAGS.AC: the core's alignment checks are switched on or off (SDM vol. 2, POPF)."""

from __future__ import annotations

from pffemu.arch.rflags import AC
from pffemu.hw.careful import ALIGNMENT
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import alone
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    trap = alone.execute(cpu, length, code)
    cpu.check(ALIGNMENT, bool(cpu.registers["rflags"] & AC))
    return trap
