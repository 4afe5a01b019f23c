"""PCMPxSTRI and PCMPxSTRM where Unicorn's own are wrong (SDM vol. 2; 4.1 has the aggregation).

With explicit lengths beyond the operand, or of 64 bits, Unicorn reads beyond the operand and can crash the host
process; with the aggregation "equal ordered" it misses strings that begin near the operand's end.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.rflags import AF, CF, OF, PF, SF, ZF
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of
from pffemu.hw.trap import Trap

_BYTES: Final = 16
_INDEXES: Final = (0x61, 0x63)  # PCMPESTRI, PCMPISTRI; masks are 60 and 62
_IMPLICIT: Final = (0x62, 0x63)
_WORDS, _SIGNED, _EXPAND_OR_LAST = 1, 2, 0x40  # bits of the immediate


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    registers, modrm = cpu.registers, modrm_of(code)
    opcode, control, bits = modrm.opcode[-1], code[length - 1], 64 if modrm.prefixes.rex_w else 32
    saved = cpu.engine.save_registers()
    if not modrm.memory:
        second = saved.xmm(modrm.rm).to_bytes(_BYTES, "little")
    else:
        loaded = cpu.mmu.load(memory_address(cpu, code), _BYTES, USER)
        if isinstance(loaded, Trap):
            return loaded
        second = loaded
    first = saved.xmm(modrm.reg).to_bytes(_BYTES, "little")
    width = 1 + (control & _WORDS)
    most = _BYTES // width
    one, two = _elements(first, width, control), _elements(second, width, control)
    if opcode in _IMPLICIT:
        lengths = _up_to_zero(one), _up_to_zero(two)
    else:
        lengths = _saturated(registers["rax"], bits, most), _saturated(registers["rdx"], bits, most)
    result = _compare(one, two, *lengths, control)
    if opcode in _INDEXES:
        last = control & _EXPAND_OR_LAST
        found = (result.bit_length() - 1 if last else (result & -result).bit_length() - 1) if result else most
        registers["rcx"] = found
    else:
        cpu.engine.load_registers(cpu.engine.save_registers().with_xmm(0, _mask(result, most, width, control)))
    _set_flags(cpu, result, lengths, most)
    registers.skip(length)
    return None


def _saturated(register: int, bits: int, most: int) -> int:
    """The magnitude of a signed length in the low bits of a register, at most the operand's elements."""
    length = register & (1 << bits) - 1
    return min((1 << bits) - length if length >> (bits - 1) else length, most)


def _up_to_zero(elements: list[int]) -> int:
    return elements.index(0) if 0 in elements else len(elements)


def _elements(octets: bytes, width: int, control: int) -> list[int]:
    signed = bool(control & _SIGNED)
    return [int.from_bytes(octets[at : at + width], "little", signed=signed) for at in range(0, _BYTES, width)]


def _compare(first: list[int], second: list[int], length1: int, length2: int, control: int) -> int:
    """IntRes2: a bit for each element of the second operand."""
    aggregate = _AGGREGATES[control >> 2 & 3]
    result = sum(aggregate(first, second, length1, length2, j) << j for j in range(len(second)))
    negated = control >> 4 & 3
    if negated == 1:
        return result ^ (1 << len(second)) - 1
    return result ^ (1 << length2) - 1 if negated == 3 else result


def _equal_any(first: list[int], second: list[int], length1: int, length2: int, j: int) -> bool:
    return j < length2 and second[j] in first[:length1]


def _in_ranges(first: list[int], second: list[int], length1: int, length2: int, j: int) -> bool:
    return j < length2 and any(first[i] <= second[j] <= first[i + 1] for i in range(0, length1 - 1, 2))


def _equal_each(first: list[int], second: list[int], length1: int, length2: int, j: int) -> bool:
    if j < length1 and j < length2:
        return first[j] == second[j]
    return j >= length1 and j >= length2


def _equal_ordered(first: list[int], second: list[int], length1: int, length2: int, j: int) -> bool:
    """Whether the first operand, as far as it fits in, is a substring of the second at `j`."""
    return all(j + i < length2 and second[j + i] == first[i] for i in range(min(length1, len(second) - j)))


_AGGREGATES: Final = (_equal_any, _in_ranges, _equal_each, _equal_ordered)  # bits 3:2 of the immediate


def _mask(result: int, most: int, width: int, control: int) -> int:
    if not control & _EXPAND_OR_LAST:
        return result
    return sum(((1 << 8 * width) - 1) << 8 * width * j for j in range(most) if result >> j & 1)


def _set_flags(cpu: Cpu, result: int, lengths: tuple[int, int], most: int) -> None:
    length1, length2 = lengths
    rflags = cpu.registers["rflags"] & ~(CF | ZF | SF | OF | AF | PF)
    rflags |= (CF if result else 0) | (ZF if length2 < most else 0) | (SF if length1 < most else 0)
    cpu.registers["rflags"] = rflags | (OF if result & 1 else 0)
