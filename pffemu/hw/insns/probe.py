"""Instructions that lose flags in Unicorn when they fault: raise the fault first, or run them in front of no fault."""

from __future__ import annotations

from pffemu.hw.careful_conditions import first_fault
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import alone
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    fault = first_fault(cpu.at(cpu.registers.rip(), code))
    return fault if fault is not None else alone.execute(cpu, length, code)
