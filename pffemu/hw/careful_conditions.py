"""Conditions of the careful table: when the engine may execute an instruction after all. They have no side effects."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP
from pffemu.arch.paging import is_canonical, page_of
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import AC
from pffemu.asm.scan import first
from pffemu.engine.float_status import FloatStatus
from pffemu.hw.fault_address import (
    accesses_nothing,
    effective_address,
    first_non_canonical,
    operands_of,
    trap_of_operand,
)
from pffemu.hw.mmu import USER, WRITE, Mmu
from pffemu.hw.modrm import modrm_of
from pffemu.hw.prefixes import prefixes_of
from pffemu.hw.trap import Trap

_HALF: Final = 1 << 32
_SIGN_OF_IMM16: Final = 0x8000
_VECTOR: Final = 16  # bytes
_EQUAL_ORDERED: Final = 0b1100  # bits 3:2 of the immediate
_SHORTEST_OPERAND: Final = 8  # words; bytes are more
# size of an operand -> its alignment, bytes
_NATURAL: Final = {2: 2, 4: 4, 8: 8, 10: 8, 14: 2, 16: 16, 28: 4, 94: 2, 108: 4, 512: 16}


class Registers(Protocol):
    def __getitem__(self, name: str) -> int: ...


class At(NamedTuple):
    """The next instruction of guest code. `code`: up to 15 bytes from its start."""

    registers: Registers
    mmu: Mmu
    rip: int
    code: bytes
    floats: FloatStatus


def always(_at: At) -> bool:
    """True, once its flags are saved: Unicorn loses or changes them when the instruction faults."""
    return True


def operands_present(at: At) -> bool:
    """Whether every access of the instruction succeeds."""
    return first_fault(at) is None


def first_fault(at: At) -> Trap | None:
    """The trap of the first memory operand that cannot be accessed."""
    accesses = _accesses(at)
    if not all(is_canonical(start) and is_canonical(start + size - 1 & MASK64) for start, size, _ in accesses):
        trap = trap_of_address(at)
        if trap is not None:
            return trap
    for operand, access in zip(operands_of(at.code).all, accesses, strict=False):
        trap = trap_of(at, *access)
        if trap is not None:
            return trap_of_operand(operand) if trap.vector == GP else trap
    return None


def _accesses(at: At) -> list[tuple[int, int, bool]]:
    """Address, size (bytes, at least 1) and whether it writes, for each memory operand that is accessed."""
    operands = operands_of(at.code)
    if accesses_nothing(operands, at.registers):
        return []
    return [
        (effective_address(operand, at.registers, at.rip + operands.size), max(operand.size, 1), operand.write)
        for operand in operands.all
    ]


def trap_of_address(at: At) -> Trap | None:
    """#GP or #SS of a memory operand with an address that is not canonical."""
    operands = operands_of(at.code)
    operand = first_non_canonical(operands, at.registers, at.rip, explicit=True)
    return None if operand is None else trap_of_operand(operand)


def trap_of(at: At, address: int, size: int, write: bool) -> Trap | None:
    """The trap of an access by ring 3 to `size` bytes (at most a page); None: it would succeed."""
    access = USER | (WRITE if write else 0)
    place = at.mmu.translate(address, access, update=False)
    last = page_of(address + size - 1 & MASK64)
    if last != page_of(address) and not isinstance(place, Trap):
        place = at.mmu.translate(last, access, update=False)
    return place if isinstance(place, Trap) else None


def vector_is_aligned(at: At) -> bool:
    """Whether the 16-byte operand of a legacy SSE instruction is aligned."""
    return is_aligned(at, {_VECTOR: _VECTOR})


def operands_are_aligned(at: At) -> bool:
    """Whether all operands are aligned, for EFLAGS.AC (SDM vol. 3, 6.15, #AC)."""
    return is_aligned(at, _NATURAL)


def misaligned_before_a_fault(at: At) -> bool:
    """Whether #AC is the first trap: a misaligned operand comes before any operand that cannot be accessed."""
    for start, size, write in _accesses(at):
        if start % _NATURAL.get(size, 1):
            return True
        if trap_of(at, start, size, write) is not None:
            return False
    return False


def is_aligned(at: At, alignments: dict[int, int]) -> bool:
    """Whether all operands are aligned. `alignments`: by operand size, in bytes."""
    return all(start % alignments.get(size, 1) == 0 for start, size, _ in _accesses(at))


def gate_of_ring_3(at: At) -> bool:
    """INT n: whether it uses the gate of #BP or #OF, which are open to ring 3."""
    instruction = first(at.code)
    return instruction is not None and at.code[instruction.size - 1] in (3, 4)


def upper_half_is_zero(at: At) -> bool:
    """CMPXCHG r/m32 clears the upper half of RAX in Unicorn, also when the CPU does not write EAX."""
    return at.registers["rax"] < _HALF


def upper_halves_are_zero(at: At) -> bool:
    """CMPXCHG of two 32-bit registers: Unicorn also clears the target's upper half, which a CPU does not."""
    return upper_half_is_zero(at) and at.registers[REGISTERS_64[modrm_of(at.code).rm]] < _HALF


def lengths_fit(at: At) -> bool:
    """PCMPESTRI, PCMPESTRM: the lengths in EAX and EDX are within the operand and not negative."""
    return searches_no_string(at) and max(at.registers["rax"] % _HALF, at.registers["rdx"] % _HALF) <= _SHORTEST_OPERAND


def searches_no_string(at: At) -> bool:
    """PCMPxSTRx: the aggregation is not "equal ordered"."""
    instruction = first(at.code)
    return instruction is not None and at.code[instruction.size - 1] & _EQUAL_ORDERED != _EQUAL_ORDERED


def wide_operand_is_present(at: At) -> bool:
    """Unicorn reads 16 bytes for a smaller operand of some SSE instructions."""
    operands = operands_of(at.code)
    start = effective_address(operands.loads[0], at.registers, at.rip + operands.size)
    return trap_of(at, start, _VECTOR, False) is None


def is_not_rip_relative(at: At) -> bool:
    """Unicorn forgets the immediate byte of SHLD and SHRD in RIP-relative addresses."""
    return operands_of(at.code).loads[0].base not in ("rip", "eip")


def has_no_rex(at: At) -> bool:
    """LAHF, SAHF: behind a REX, Unicorn uses SPL instead of AH."""
    return not prefixes_of(at.code).rex


def releases_little(at: At) -> bool:
    """RET imm16: Unicorn sign-extends the operand."""
    instruction = first(at.code)
    return instruction is not None and not at.code[instruction.size - 1] & _SIGN_OF_IMM16 >> 8


def keeps_alignment_check(at: At) -> bool:
    """POPF: it does not change EFLAGS.AC."""
    prefixes = prefixes_of(at.code)
    if prefixes.operand_size and not prefixes.rex_w:
        return True
    loaded = at.mmu.load(at.registers["rsp"], 8, USER, update=False)
    return isinstance(loaded, Trap) or not (int.from_bytes(loaded, "little") ^ at.registers["rflags"]) & AC


def leaves_room(at: At) -> bool:
    """ENTER of level 0: a write to the final top of the stack, which the CPU checks first, would succeed."""
    prefixes = prefixes_of(at.code)
    if prefixes.operand_size or at.code[prefixes.end + 3]:
        return False
    allocated = int.from_bytes(at.code[prefixes.end + 1 : prefixes.end + 3], "little")
    return trap_of(at, at.registers["rsp"] - 8 - allocated & MASK64, 8, True) is None
