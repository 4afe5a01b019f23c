"""One decoded instruction and the memory it touches: plain values, no capstone types.

The effective address of a `MemoryOperand` is base + index * scale + displacement, plus the segment base. Registers hold
the values from *before* the instruction (so `push` writes at rsp - 8); `rip` means the address of the next instruction.
A base or index narrower than 64 bits ("eax", "al") is zero-extended, and an address-size prefix (both registers 32-bit)
also cuts the sum to 32 bits. Vector indexes of AVX gathers are listed by name ("xmm2") and stand for one address per
element.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryOperand:
    """One memory access. `size` is in bytes, 0 when the encoding does not determine it (xsave)."""

    base: str | None
    index: str | None
    scale: int
    displacement: int
    segment: str | None  # "fs" or "gs"; the others have base 0 in 64-bit mode
    size: int
    read: bool
    write: bool
    implicit: bool = False  # not a ModRM operand: stack, string, xlatb, maskmov
    # bt/bts/btr/btc m, r: the access is at ea + (signed register >> 3), rounded down to `size`
    bit_offset: str | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """The instruction at `address`. `mnemonic` includes its prefixes ("lock add", "rep movsb")."""

    address: int
    size: int
    bytes: bytes
    mnemonic: str
    operands: str
    memory: tuple[MemoryOperand, ...] = ()
    is_avx: bool = False

    @property
    def text(self) -> str:
        return f"{self.mnemonic} {self.operands}".rstrip()


def writes_back(memory: tuple[MemoryOperand, ...]) -> bool:
    """True for a read-modify-write of memory: Unicorn reports its load first, hardware reports the fault with W=1."""
    return any(operand.read and operand.write and not operand.implicit for operand in memory)
