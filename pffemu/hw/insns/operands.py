"""The operands in registers and memory that a ModRM byte names (pffemu.hw.modrm)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.registers import MASK64
from pffemu.hw.cpu import Cpu
from pffemu.hw.fault_address import effective_address, operands_of

_WIDTH_MASK: Final = {2: 0xFFFF, 4: 0xFFFF_FFFF, 8: MASK64}


def register(cpu: Cpu, number: int, size: int) -> int:
    """The low `size` bytes of a general register."""
    return cpu.registers[REGISTERS_64[number]] & _WIDTH_MASK[size]


def write_register(cpu: Cpu, number: int, size: int, value: int) -> None:
    """Write `size` bytes of a general register: 4 clear the upper half, 2 leave the rest."""
    name = REGISTERS_64[number]
    mask = _WIDTH_MASK[size]
    kept = cpu.registers[name] & ~mask if size == 2 else 0
    cpu.registers[name] = kept | value & mask


def memory_address(cpu: Cpu, code: bytes) -> int:
    """The address of the instruction's explicit memory operand."""
    operands = operands_of(code)
    explicit = next(operand for operand in operands.loads if not operand.implicit)
    return effective_address(explicit, cpu.registers, cpu.registers.rip() + operands.size)
