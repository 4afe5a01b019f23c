"""CR2 and the W bit, exactly: Unicorn's fill hook gives a page and reports the load half of a read-modify-write.

The instruction at RIP is decoded (once, then remembered by its bytes) and its memory operands are evaluated; the one
that touches the refused page gives the address. A read-modify-write faults as a write, as on hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from pffemu.arch.pagefault import W
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.registers import GENERAL
from pffemu.asm import MemoryOperand, decode, writes_back

_MASK = (1 << 64) - 1


class ReadRegister(Protocol):
    def __getitem__(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Operands:
    """What a fault's address depends on. `loads`, `stores`: all operands, first those that the access can be."""

    size: int  # of the instruction, bytes
    loads: tuple[MemoryOperand, ...]
    stores: tuple[MemoryOperand, ...]
    writes_back: bool
    first_load: MemoryOperand | None  # of CMPSB to CMPSQ: [rsi], which hardware loads first and Unicorn second


@lru_cache(maxsize=4096)
def operands_of(code: bytes) -> Operands:
    """The memory operands of the instruction these bytes start with; none of no instruction."""
    instruction = decode(code)
    if instruction is None:
        return Operands(0, (), (), False, None)
    memory = instruction.memory
    loads = (*(operand for operand in memory if operand.read), *memory)
    stores = (*(operand for operand in memory if operand.write), *memory)
    two_loads = len(memory) == 2 and all(operand.implicit and operand.read for operand in memory)
    return Operands(instruction.size, loads, stores, writes_back(instruction), memory[0] if two_loads else None)


def exact_fault(operands: Operands, registers: ReadRegister, rip: int, page: int, error_code: int) -> tuple[int, int]:
    """(CR2, error code) of a data fault on `page` by the instruction at `rip` with these operands.

    Falls back to the page's first byte when no operand lies there.
    """
    if operands.writes_back:
        error_code |= W
    for operand in operands.stores if error_code & W else operands.loads:
        start = effective_address(operand, registers, rip + operands.size)
        if page < start + (operand.size or 1) and start < page + PAGE_SIZE:
            return max(start, page), error_code
    return page, error_code


def effective_address(operand: MemoryOperand, registers: ReadRegister, next_rip: int) -> int:
    """The 64-bit linear address of `operand` (segment bases of FS and GS included), unsigned."""
    address, mask = operand.displacement, _MASK
    for name, scale in ((operand.base, 1), (operand.index, operand.scale)):
        register = _FULL_NAME.get(name)
        if register is not None:
            whole, width = register
            address += (registers[whole] & (1 << width) - 1) * scale
            if width == 32:
                mask = _MASK >> 32
        elif name in ("rip", "eip"):
            address += next_rip
            mask = _MASK if name == "rip" else _MASK >> 32
    address &= mask
    if operand.segment is not None:
        address += registers[f"{operand.segment}_base"]
    if operand.bit_offset is not None:
        whole, width = _FULL_NAME[operand.bit_offset]
        value = registers[whole] & (1 << width) - 1
        bit = value - (1 << width) if value >> (width - 1) else value
        address += bit // (8 * operand.size) * operand.size
    return address & _MASK


def _narrow_names() -> Iterator[tuple[str, tuple[str, int]]]:
    for name in GENERAL:
        yield name, (name, 64)
        if name[1].isdigit():
            yield from ((name + suffix, (name, width)) for suffix, width in (("d", 32), ("w", 16), ("b", 8)))
        else:
            yield "e" + name[1:], (name, 32)
            yield name[1:], (name, 16)
            yield (name[1] + "l" if name[2] == "x" else name[1:] + "l"), (name, 8)


# not in it: "rip", and the vector indexes of gathers, which Unicorn does not execute
_FULL_NAME: dict[str | None, tuple[str, int]] = dict(_narrow_names())
