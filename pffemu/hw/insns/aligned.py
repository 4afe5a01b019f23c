"""Misaligned operands: #GP for 16-byte ones of SSE, #AC for all where EFLAGS.AC is set (SDM vol. 3, 6.15)."""

from __future__ import annotations

from collections.abc import Callable

from pffemu.arch.exceptions import AC, GP
from pffemu.hw import careful
from pffemu.hw.careful import ALIGNMENT
from pffemu.hw.careful_conditions import operands_are_aligned, vector_is_aligned
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import alone
from pffemu.hw.trap import Trap


def then(cpu: Cpu, length: int, code: bytes, execute: Callable[[Cpu, int], Trap | None]) -> Trap | None:
    """Execute an instruction by other means, if its operands are aligned."""
    if not operands_are_aligned(cpu.at(cpu.registers.rip(), code)):
        return Trap(AC)
    return execute(cpu, length)


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    at = cpu.at(cpu.registers.rip(), code)
    if careful.needs_alignment(code) and not vector_is_aligned(at):
        return Trap(GP)
    if cpu.checks & ALIGNMENT and not operands_are_aligned(at):
        return Trap(AC)
    return alone.execute(cpu, length, code)
