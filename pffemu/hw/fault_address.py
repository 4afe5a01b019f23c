"""The exact CR2 and W bit of a fault: Unicorn's fill hook gives a page, and the load half of a read-modify-write.

The instruction at RIP is decoded (once, then cached by its bytes) and its memory operands are evaluated; the one that
touches the refused page gives the address. A read-modify-write faults as a write, as on hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from pffemu.arch.exceptions import GP, SS
from pffemu.arch.pagefault import W
from pffemu.arch.paging import PAGE_SIZE, is_canonical
from pffemu.arch.registers import GENERAL, MASK64
from pffemu.asm import MemoryOperand, writes_back
from pffemu.asm.plain_operands import plain_operands
from pffemu.asm.scan import INVALID, STRING_OPCODES, first, is_prefixed
from pffemu.hw.prefixes import prefixes_of
from pffemu.hw.substitutes import with_usual_prefixes, without_prefixes
from pffemu.hw.trap import Trap

_AT_ONCE = 16  # bytes
_FIRST_PIECES = {10: 8, 14: 2}  # of x87's 80 bits the significand, of its short environment the control word
_MOVSXD = 0x63
_MOV = b"\x8b"
_NO_EFFECT = b"\x3e"  # DS, as a prefix
_STACK_BASES = frozenset({"rsp", "esp", "rbp", "ebp"})


class ReadRegister(Protocol):
    def __getitem__(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Operands:
    """An instruction's operands. `loads`, `stores`: all of them, those that load or store first."""

    size: int  # of the instruction, bytes
    loads: tuple[MemoryOperand, ...]
    stores: tuple[MemoryOperand, ...]
    writes_back: bool
    repeats: str | None  # RCX or ECX, the counter of a REP instruction
    first_load: MemoryOperand | None  # of CMPSB to CMPSQ: [rsi], which hardware loads first and Unicorn second
    all: tuple[MemoryOperand, ...] = ()  # each once


@lru_cache(maxsize=4096)
def operands_of(code: bytes) -> Operands:
    """The memory operands of the first instruction of `code`; none for invalid bytes."""
    size, memory = plain_operands(code) or _decoded_operands(code)
    if not size:
        return Operands(0, (), (), False, None, None)
    loads = (*(operand for operand in memory if operand.read), *memory)
    stores = (*(operand for operand in memory if operand.write), *memory)
    two_loads = len(memory) == 2 and all(operand.implicit and operand.read for operand in memory)
    counter, first_load = _counter(code), memory[0] if two_loads else None
    every = tuple(dict.fromkeys((*loads, *stores)))
    return Operands(size, loads, stores, writes_back(memory), counter, first_load, every)


def _decoded_operands(code: bytes) -> tuple[int, tuple[MemoryOperand, ...]]:
    from pffemu.asm import decode  # capstone takes long to load, and few programs need it

    instruction = decode(_as_capstone_reads_it(code))
    return (0, ()) if instruction is None else (instruction.size, instruction.memory)


def _counter(code: bytes) -> str | None:
    prefixes = prefixes_of(code)
    if code[prefixes.end] not in STRING_OPCODES or not prefixes.repeats:
        return None
    return "ecx" if prefixes.address_size else "rcx"


def accesses_nothing(operands: Operands, registers: ReadRegister) -> bool:
    """Whether it is a REP instruction without an iteration."""
    return operands.repeats is not None and not registers["rcx"] & (
        MASK64 if operands.repeats == "rcx" else MASK64 >> 32
    )


def _as_capstone_reads_it(code: bytes) -> bytes:
    """The instruction in other bytes if capstone, like Unicorn, misreads its prefixes."""
    scanned = first(code) if code and is_prefixed(code) else None
    if scanned is None or scanned.form == INVALID:
        return code
    whole = code[: scanned.size]
    whole = _with_mov(with_usual_prefixes(whole) or whole)
    plain = without_prefixes(whole, b"\xf2\xf3")
    same = first(plain)
    return plain if same is not None and same.form == scanned.form else whole


def _with_mov(whole: bytes) -> bytes:
    """MOV of 32 bits in place of MOVSXD without REX.W, which loads as many (behind 66, too), for capstone."""
    prefixes = prefixes_of(whole)
    if whole[prefixes.end] != _MOVSXD or prefixes.rex_w:
        return whole
    return whole[: prefixes.end].replace(b"\x66", _NO_EFFECT) + _MOV + whole[prefixes.end + 1 :]


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


def first_non_canonical(
    operands: Operands, registers: ReadRegister, rip: int, *, explicit: bool = False
) -> MemoryOperand | None:
    """The first operand with a byte at an address that is not canonical; `explicit`: the first ModRM operand only.

    An operand longer than _AT_ONCE is accessed in pieces, of which the first decides.
    """
    if accesses_nothing(operands, registers):
        return None
    named = [operand for operand in operands.loads if not operand.implicit] if explicit else []
    for operand in named[:1] or operands.loads:
        first, last = first_piece(operand, registers, rip + operands.size)
        if not (is_canonical(first) and is_canonical(last)):
            return operand
    return None


def across_the_edge(
    operands: Operands, registers: ReadRegister, rip: int, page: int, error_code: int
) -> MemoryOperand | None:
    """The operand that was refused on `page`, the last canonical one, if it goes on behind it."""
    for operand in operands.stores if error_code & W else operands.loads:
        first, last = first_piece(operand, registers, rip + operands.size)
        if page <= first < page + PAGE_SIZE:
            return None if is_canonical(last) else operand
    return None


def first_piece(operand: MemoryOperand, registers: ReadRegister, next_rip: int) -> tuple[int, int]:
    """The addresses of the first and the last byte that are accessed at once."""
    start = effective_address(operand, registers, next_rip)
    size = _FIRST_PIECES.get(operand.size, operand.size if 0 < operand.size <= _AT_ONCE else 1)
    return start, start + size - 1 & MASK64


def trap_of_operand(operand: MemoryOperand) -> Trap:
    """The trap of an operand that is not canonical: #SS in segment SS (RSP or RBP without FS or GS), else #GP."""
    return Trap(SS if operand.segment is None and operand.base in _STACK_BASES else GP)


def effective_address(operand: MemoryOperand, registers: ReadRegister, next_rip: int) -> int:
    """The 64-bit linear address of `operand` (segment bases of FS and GS included), unsigned."""
    address, mask = operand.displacement, MASK64
    for name, scale in ((operand.base, 1), (operand.index, operand.scale)):
        register = _FULL_NAME.get(name)
        if register is not None:
            whole, width = register
            address += (registers[whole] & (1 << width) - 1) * scale
            if width == 32:
                mask = MASK64 >> 32
        elif name in ("rip", "eip"):
            address += next_rip
            mask = MASK64 if name == "rip" else MASK64 >> 32
    if operand.bit_offset is not None:
        whole, width = _FULL_NAME[operand.bit_offset]
        value = registers[whole] & (1 << width) - 1
        bit = value - (1 << width) if value >> (width - 1) else value
        address += bit // (8 * operand.size) * operand.size
    address &= mask
    if operand.segment is not None:
        address += registers[f"{operand.segment}_base"]
    return address & MASK64


def _narrow_names() -> Iterator[tuple[str, tuple[str, int]]]:
    for name in GENERAL:
        yield name, (name, 64)
        if name[1].isdigit():
            yield from ((name + suffix, (name, width)) for suffix, width in (("d", 32), ("w", 16), ("b", 8)))
        else:
            yield "e" + name[1:], (name, 32)
            yield name[1:], (name, 16)
            yield (name[1] + "l" if name[2] == "x" else name[1:] + "l"), (name, 8)


# without "rip", and the vector indexes of gathers, which Unicorn does not execute
_FULL_NAME: dict[str | None, tuple[str, int]] = dict(_narrow_names())
