"""Selectors in ring 3: LAR, LSL, VERR, VERW, loads of segment registers, far transfers and IRET (SDM vol. 2).

The descriptor table is that part of Linux's (arch/x86/include/asm/segment.h) which ring 3 can use; other selectors are
refused. A transfer to its 32-bit code segment is #GP: this machine runs 64-bit code only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.arch.exceptions import GP
from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64, USER_CS, USER_SS
from pffemu.arch.rflags import AC, IRET_MASK, NT, ZF
from pffemu.hw.careful import ALIGNMENT
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import memory_address, pop, push, register, write_register
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import ModRm, modrm_of
from pffemu.hw.prefixes import prefixes_of
from pffemu.hw.trap import Trap

_RPL: Final = 3
_USER32_CS: Final = 0x23
_CPU_NODE: Final = 0x7B  # its limit is the number of the core


class Descriptor(NamedTuple):
    """A segment descriptor. `access`: what LAR gives; `limit`: in bytes, what LSL gives."""

    access: int
    limit: int
    code: bool = False
    writable: bool = False


_DESCRIPTORS: Final = {
    _USER32_CS: Descriptor(0xCFFB00, 0xFFFF_FFFF, code=True),
    USER_SS: Descriptor(0xCFF300, 0xFFFF_FFFF, writable=True),
    USER_CS: Descriptor(0xAFFB00, 0xFFFF_FFFF, code=True),
    _CPU_NODE: Descriptor(0x40F500, 0),
}
_NAMES: Final = ("es", "cs", "ss", "ds", "fs", "gs")  # in the order of their numbers
_LAR, _LSL, _GROUP6 = b"\x0f\x02", b"\x0f\x03", b"\x0f\x00"
_VERR: Final = 4  # of group 6; VERW is 5
_MOV_SREG: Final = b"\x8e"
_POPS: Final = {b"\x0f\xa1": "fs", b"\x0f\xa9": "gs"}
_LOADS_OF_POINTERS: Final = {b"\x0f\xb2": "ss", b"\x0f\xb4": "fs", b"\x0f\xb5": "gs"}
_RETF, _RETF_IMM16, _IRET, _GROUP5 = 0xCB, 0xCA, 0xCF, 0xFF
_CALL_FAR: Final = 3  # of group 5; JMP is 5


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    prefixes = prefixes_of(code)
    first = code[prefixes.end]
    size = 8 if prefixes.rex_w else 2 if prefixes.operand_size else 4
    if first == _IRET:
        return _iret(cpu, size)
    if first in (_RETF, _RETF_IMM16):
        released = int.from_bytes(code[length - 2 : length], "little") if first == _RETF_IMM16 else 0
        return _far_return(cpu, size, released)
    opcode = code[prefixes.end : prefixes.end + (2 if first == 0x0F else 1)]
    if opcode in _POPS:
        return _pop(cpu, length, _POPS[opcode], 2 if prefixes.operand_size and not prefixes.rex_w else 8)
    modrm = modrm_of(code)
    if first == _GROUP5:
        return _far_branch(cpu, length, code, modrm)
    if opcode in _LOADS_OF_POINTERS:
        return _load_pointer(cpu, length, code, modrm, _LOADS_OF_POINTERS[opcode])
    selector = _source(cpu, code, modrm)
    if isinstance(selector, Trap):
        return selector
    if opcode == _MOV_SREG:
        return _completed(cpu, length, _load(cpu, _NAMES[modrm.extension], selector))
    _inspect(cpu, modrm, selector)
    return _completed(cpu, length, None)


def _completed(cpu: Cpu, length: int, trap: Trap | None) -> Trap | None:
    """Move on behind the instruction unless it has trapped."""
    if trap is None:
        cpu.registers.skip(length)
    return trap


def _words(cpu: Cpu, address: int, *sizes: int) -> list[int] | Trap:
    """Consecutive little-endian numbers of these sizes (bytes), or the trap of reading them."""
    return _numbers(cpu.mmu.load(address & MASK64, sum(sizes), USER), sizes)


def _top_of_stack(cpu: Cpu, *sizes: int) -> list[int] | Trap:
    """The same, from RSP on."""
    return _numbers(pop(cpu, cpu.registers["rsp"], sum(sizes)), sizes)


def _numbers(loaded: bytes | Trap, sizes: tuple[int, ...]) -> list[int] | Trap:
    if isinstance(loaded, Trap):
        return loaded
    numbers, at = [], 0
    for size in sizes:
        numbers.append(int.from_bytes(loaded[at : at + size], "little"))
        at += size
    return numbers


def _source(cpu: Cpu, code: bytes, modrm: ModRm) -> int | Trap:
    """The 16 bits of a selector operand."""
    if not modrm.memory:
        return register(cpu, modrm.rm, 2)
    words = _words(cpu, memory_address(cpu, code), 2)
    return words if isinstance(words, Trap) else words[0]


def _inspect(cpu: Cpu, modrm: ModRm, selector: int) -> None:
    """LAR, LSL, VERR, VERW: ZF tells whether ring 3 may use the selector in that way."""
    descriptor = _DESCRIPTORS.get(selector | _RPL) if selector & ~_RPL else None
    good = descriptor is not None
    if descriptor is not None:
        if modrm.opcode == _GROUP6:
            good = modrm.extension == _VERR or descriptor.writable
        else:
            limit = cpu.index if selector | _RPL == _CPU_NODE else descriptor.limit
            write_register(cpu, modrm.reg, modrm.size, limit if modrm.opcode == _LSL else descriptor.access)
    cpu.registers["rflags"] = cpu.registers["rflags"] & ~ZF | (ZF if good else 0)


def _load(cpu: Cpu, name: str, selector: int) -> Trap | None:
    """Load a segment register. FS and GS get the base 0, also from a null selector, as on Intel's CPUs."""
    if not selector & ~_RPL:
        if name == "ss":
            return Trap(GP)
    elif selector | _RPL not in _DESCRIPTORS or (name == "ss" and selector != USER_SS):
        return Trap(GP, selector & ~_RPL)
    cpu.engine.load_segment(name, selector)
    return None


def _pop(cpu: Cpu, length: int, name: str, size: int) -> Trap | None:
    rsp = cpu.registers["rsp"]
    words = _top_of_stack(cpu, size)
    if isinstance(words, Trap):
        return words
    trap = _load(cpu, name, words[0] & 0xFFFF)
    if trap is None:
        cpu.registers["rsp"] = rsp + size & MASK64
    return _completed(cpu, length, trap)


def _load_pointer(cpu: Cpu, length: int, code: bytes, modrm: ModRm, name: str) -> Trap | None:
    """LSS, LFS, LGS: an offset and a selector."""
    words = _words(cpu, memory_address(cpu, code), modrm.size, 2)
    if isinstance(words, Trap):
        return words
    trap = _load(cpu, name, words[1])
    if trap is None:
        write_register(cpu, modrm.reg, modrm.size, words[0])
    return _completed(cpu, length, trap)


def _transfer(cpu: Cpu, selector: int, rip: int) -> Trap | None:
    """Transfer control to `rip` in another code segment of ring 3."""
    if selector != USER_CS:
        return Trap(GP, selector & ~_RPL)
    if not is_canonical(rip):
        return Trap(GP)
    cpu.registers["rip"] = rip
    cpu.left_block()
    return None


def _far_return(cpu: Cpu, size: int, released: int) -> Trap | None:
    rsp = cpu.registers["rsp"]
    words = _top_of_stack(cpu, size, size)
    if isinstance(words, Trap):
        return words
    trap = _transfer(cpu, words[1] & 0xFFFF, words[0])
    if trap is None:
        cpu.registers["rsp"] = rsp + 2 * size + released & MASK64
    return trap


def _iret(cpu: Cpu, size: int) -> Trap | None:
    """IRETW, IRETD, IRETQ: RIP, CS, RFLAGS, RSP and SS, all of them in 64-bit mode."""
    if cpu.registers["rflags"] & NT:
        return Trap(GP)
    words = _top_of_stack(cpu, *(size,) * 5)
    if isinstance(words, Trap):
        return words
    rip, cs, rflags, rsp, ss = words
    if cs & 0xFFFF == USER_CS and ss & 0xFFFF != USER_SS:
        return Trap(GP, ss & 0xFFFF & ~_RPL)
    trap = _transfer(cpu, cs & 0xFFFF, rip)
    if trap is None:
        mask = IRET_MASK & (1 << 8 * size) - 1
        cpu.registers["rflags"] = cpu.registers["rflags"] & ~mask | rflags & mask
        cpu.check(ALIGNMENT, bool(cpu.registers["rflags"] & AC))
        cpu.registers["rsp"] = rsp
    return trap


def _far_branch(cpu: Cpu, length: int, code: bytes, modrm: ModRm) -> Trap | None:
    """CALL and JMP through a far pointer in memory."""
    words = _words(cpu, memory_address(cpu, code), modrm.size, 2)
    if isinstance(words, Trap):
        return words
    offset, selector = words
    if selector != USER_CS or not is_canonical(offset) or modrm.extension != _CALL_FAR:
        return _transfer(cpu, selector, offset)
    rsp = cpu.registers["rsp"] - 2 * modrm.size & MASK64
    behind = cpu.registers.rip() + length & (1 << 8 * modrm.size) - 1
    pushed = behind.to_bytes(modrm.size, "little") + USER_CS.to_bytes(modrm.size, "little")
    trap = push(cpu, rsp, pushed)
    if trap is not None:
        return trap
    cpu.registers["rsp"] = rsp
    return _transfer(cpu, selector, offset)
