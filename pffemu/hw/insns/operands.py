"""The operands in registers and memory that a ModRM byte names (pffemu.hw.modrm)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP, SS
from pffemu.arch.registers import MASK64
from pffemu.hw.cpu import Cpu
from pffemu.hw.fault_address import effective_address, operands_of
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap

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


def pop(cpu: Cpu, address: int, size: int) -> bytes | Trap:
    """`size` bytes at `address` in segment SS, where an address that is not canonical is #SS."""
    loaded = cpu.mmu.load(address & MASK64, size, USER)
    return in_ss(loaded) if isinstance(loaded, Trap) else loaded


def push(cpu: Cpu, address: int, data: bytes) -> Trap | None:
    """Write `data` at `address` in segment SS, whole or not at all."""
    trap = cpu.mmu.store(address, data, USER)
    return None if trap is None else in_ss(trap)


def in_ss(trap: Trap) -> Trap:
    """The trap of the same access in segment SS."""
    return trap._replace(vector=SS) if trap.vector == GP else trap


def memory_address(cpu: Cpu, code: bytes) -> int:
    """The address of the instruction's explicit memory operand."""
    operands = operands_of(code)
    explicit = next(operand for operand in operands.loads if not operand.implicit)
    return effective_address(explicit, cpu.registers, cpu.registers.rip() + operands.size)
