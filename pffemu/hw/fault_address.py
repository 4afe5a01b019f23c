"""CR2 and the W bit, exactly: Unicorn's fill hook gives a page and reports the load half of a read-modify-write.

The instruction at RIP is decoded (once, then remembered by its bytes) and its memory operands are evaluated; the one
that touches the refused page gives the address. A read-modify-write faults as a write, as on hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from pffemu.arch.pagefault import W
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.registers import GENERAL
from pffemu.asm import Instruction, MemoryOperand, decode, writes_back

_MASK = (1 << 64) - 1


class ReadRegister(Protocol):
    def __getitem__(self, name: str) -> int: ...


@lru_cache(maxsize=4096)
def instruction_at(code: bytes) -> tuple[Instruction | None, bool]:
    """The instruction these bytes start with, and whether it reads and writes one memory operand."""
    instruction = decode(code)
    return instruction, instruction is not None and writes_back(instruction)


def exact_fault(code: bytes, registers: ReadRegister, rip: int, page: int, error_code: int) -> tuple[int, int]:
    """(CR2, error code) of a data fault on `page` by the instruction `code` at `rip`.

    Falls back to the page's first byte when no operand lies there.
    """
    instruction, read_modify_write = instruction_at(code)
    if instruction is None:
        return page, error_code
    if read_modify_write:
        error_code |= W
    write = error_code & W != 0
    wanted = [operand for operand in instruction.memory if (operand.write if write else operand.read)]
    for operand in (*wanted, *instruction.memory):
        start = effective_address(operand, registers, rip + instruction.size)
        if page < start + max(operand.size, 1) and start < page + PAGE_SIZE:
            return max(start, page), error_code
    return page, error_code


def first_load(code: bytes) -> MemoryOperand | None:
    """Of CMPSB to CMPSQ, the only instructions with two loads: [rsi], which hardware loads first and Unicorn second."""
    instruction, _ = instruction_at(code)
    if instruction is None or len(instruction.memory) != 2 or not all(o.implicit for o in instruction.memory):
        return None
    first, second = instruction.memory
    return first if first.read and second.read else None


def effective_address(operand: MemoryOperand, registers: ReadRegister, next_rip: int) -> int:
    """The 64-bit linear address of `operand` (segment bases of FS and GS included), unsigned."""
    address, mask = operand.displacement, _MASK
    for name, scale in ((operand.base, 1), (operand.index, operand.scale)):
        if name == "rip":
            address += next_rip
        elif name is not None and not name.startswith(_VECTOR):
            value, width = read_narrow(registers, name)
            address += value * scale
            mask = _MASK >> 32 if width == 32 else mask
    address &= mask
    if operand.segment in ("fs", "gs"):
        address += registers[f"{operand.segment}_base"]
    if operand.bit_offset is not None:
        value, width = read_narrow(registers, operand.bit_offset)
        bit = value - (1 << width) if value >> (width - 1) else value
        address += bit // (8 * operand.size) * operand.size
    return address & _MASK


def read_narrow(registers: ReadRegister, name: str) -> tuple[int, int]:
    """Value and width in bits of a general register under its 64-, 32-, 16- or low 8-bit name."""
    whole, width = _FULL_NAME[name]
    return registers[whole] & (1 << width) - 1, width


def _narrow_names() -> Iterator[tuple[str, tuple[str, int]]]:
    for name in GENERAL:
        yield name, (name, 64)
        if name[1].isdigit():
            yield from ((name + suffix, (name, width)) for suffix, width in (("d", 32), ("w", 16), ("b", 8)))
        else:
            yield "e" + name[1:], (name, 32)
            yield name[1:], (name, 16)
            yield (name[1] + "l" if name[2] == "x" else name[1:] + "l"), (name, 8)


_VECTOR = ("xmm", "ymm", "zmm")  # gathers, which Unicorn does not execute
_FULL_NAME = dict(_narrow_names())
