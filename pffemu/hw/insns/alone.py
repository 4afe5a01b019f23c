"""Runs one instruction alone in the engine: in other bytes of the same length, or as it is."""

from __future__ import annotations

from pffemu.engine.stop import StopKind
from pffemu.hw.careful_conditions import first_fault
from pffemu.hw.cpu import Cpu
from pffemu.hw.substitutes import substitute
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    """`code`: the instruction's bytes. Equivalent bytes replace them where Unicorn needs that.

    A fault is raised before: when an instruction with a hook faults, Unicorn loses flags that it has not computed yet.
    """
    rip = cpu.registers.rip()
    fault = first_fault(cpu.at(rip, code))
    if fault is not None:
        return fault
    other = substitute(code[:length])
    if other is not None:
        cpu.mmu.patch_code(rip, other)
    stop = cpu.engine.run_alone(length)
    if other is not None:
        cpu.mmu.patch_code(rip, code[:length])
    if stop.kind is StopKind.REFUSED:
        return cpu.mmu.refused_access(cpu.registers, rip)
    return Trap(stop.vector) if stop.kind is StopKind.EXCEPTION else None
