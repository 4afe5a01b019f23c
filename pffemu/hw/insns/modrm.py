"""The ModRM byte of an instruction and what it names (SDM vol. 2, 2.1.3)."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.registers import MASK64
from pffemu.hw.cpu import Cpu
from pffemu.hw.fault_address import effective_address, operands_of
from pffemu.hw.prefixes import Prefixes, prefixes_of

_ESCAPE: Final = 0x0F
_SECOND_ESCAPES: Final = b"\x38\x3a"
_WIDTH_MASK: Final = {2: 0xFFFF, 4: 0xFFFF_FFFF, 8: MASK64}


class ModRm(NamedTuple):
    """`reg`, `rm`: register numbers with REX; `rm` means nothing where `memory` is set. `size`: operand bytes."""

    prefixes: Prefixes
    opcode: bytes  # with its 0F
    memory: bool
    extension: int  # the three bits of /0 to /7
    reg: int
    rm: int
    size: int


def modrm_of(code: bytes) -> ModRm:
    """Of an instruction with a ModRM byte behind a one-byte, 0F, 0F 38 or 0F 3A opcode."""
    prefixes = prefixes_of(code)
    length = 1
    if code[prefixes.end] == _ESCAPE:
        length = 3 if code[prefixes.end + 1] in _SECOND_ESCAPES else 2
    rex = prefixes.rex[0] if prefixes.rex else 0
    octet = code[prefixes.end + length]
    extension = octet >> 3 & 7
    size = 8 if rex & 8 else 2 if prefixes.operand_size else 4
    return ModRm(
        prefixes,
        code[prefixes.end : prefixes.end + length],
        octet >> 6 != 3,
        extension,
        extension | (rex & 4) << 1,
        octet & 7 | (rex & 1) << 3,
        size,
    )


def register(cpu: Cpu, number: int, size: int) -> int:
    """The low `size` bytes of a general register."""
    return cpu.registers[REGISTERS_64[number]] & _WIDTH_MASK[size]


def write_register(cpu: Cpu, number: int, size: int, value: int) -> None:
    """A general register of `size` bytes: 4 clears the upper half, 2 leaves the rest."""
    name = REGISTERS_64[number]
    mask = _WIDTH_MASK[size]
    kept = cpu.registers[name] & ~mask if size == 2 else 0
    cpu.registers[name] = kept | value & mask


def memory_address(cpu: Cpu, code: bytes) -> int:
    """Where the instruction's explicit memory operand is."""
    operands = operands_of(code)
    explicit = next(operand for operand in operands.loads if not operand.implicit)
    return effective_address(explicit, cpu.registers, cpu.registers.rip() + operands.size)
