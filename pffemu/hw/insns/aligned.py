"""Misaligned operands: #GP for 16-byte ones of SSE, #AC for all where EFLAGS.AC is set (SDM vol. 3, 6.15)."""

from __future__ import annotations

from collections.abc import Callable

from pffemu.arch.exceptions import AC, GP
from pffemu.hw import careful
from pffemu.hw.careful import ALIGNMENT, VECTOR_ALIGNMENT
from pffemu.hw.careful_conditions import misaligned_before_a_fault, trap_of_address, vector_is_aligned
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import alone
from pffemu.hw.trap import Trap


def then(cpu: Cpu, length: int, code: bytes, execute: Callable[[Cpu, int], Trap | None]) -> Trap | None:
    """Check the operands' addresses, then execute the instruction by `execute`."""
    trap = operand_trap(cpu, code)
    return execute(cpu, length) if trap is None else trap


def operand_trap(cpu: Cpu, code: bytes) -> Trap | None:
    """The trap of an address that is not canonical, or not aligned where the core checks alignment."""
    at = cpu.at(cpu.registers.rip(), code)
    if cpu.checks & VECTOR_ALIGNMENT and careful.needs_alignment(code) and not vector_is_aligned(at):
        return Trap(GP)
    trap = trap_of_address(at)
    if trap is not None:
        return trap
    if cpu.checks & ALIGNMENT and misaligned_before_a_fault(at):
        return Trap(AC)
    return None


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    trap = operand_trap(cpu, code)
    return alone.execute(cpu, length, code) if trap is None else trap
