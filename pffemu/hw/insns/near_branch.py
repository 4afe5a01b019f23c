"""Near branches behind an operand-size prefix, which Intel's CPUs ignore in 64-bit mode (SDM vol. 2, CALL, Jcc, RET).

AMD's CPUs and Unicorn use 16 bits.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.exceptions import GP
from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import CF, OF, PF, SF, ZF
from pffemu.hw.careful_conditions import trap_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import in_ss, memory_address, pop, push, register
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of
from pffemu.hw.prefixes import Prefixes, prefixes_of
from pffemu.hw.trap import Trap

_CALL, _JMP, _JMP_SHORT, _RET_IMM16, _RET, _GROUP5 = 0xE8, 0xE9, 0xEB, 0xC2, 0xC3, 0xFF
_LOOPNE, _LOOPE, _LOOP, _JRCXZ = 0xE0, 0xE1, 0xE2, 0xE3
_SHORT_CONDITIONAL: Final = range(0x70, 0x80)
_CALL_EXTENSION: Final = 2  # of group 5; JMP is 4


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    prefixes = prefixes_of(code)
    opcode, behind = code[prefixes.end], cpu.registers.rip() + length & MASK64
    if opcode in (_RET, _RET_IMM16):
        released = int.from_bytes(code[length - 2 : length], "little") if opcode == _RET_IMM16 else 0
        return _return(cpu, released)
    if opcode == _GROUP5:
        target = _indirect_target(cpu, code)
        if isinstance(target, Trap):
            return target
        return _call(cpu, code, target, behind) if modrm_of(code).extension == _CALL_EXTENSION else _jump(cpu, target)
    width = 4 if opcode in (_CALL, _JMP, 0x0F) else 1
    target = behind + int.from_bytes(code[length - width : length], "little", signed=True) & MASK64
    if opcode == _CALL:
        return _call(cpu, code, target, behind)
    if opcode in (_JMP, _JMP_SHORT) or _is_taken(cpu, opcode, code[prefixes.end + 1], prefixes):
        return _jump(cpu, target)
    cpu.registers.skip(length)
    return None


def _is_taken(cpu: Cpu, opcode: int, second: int, prefixes: Prefixes) -> bool:
    """Whether a branch is taken; LOOP counts RCX (ECX behind 67) down."""
    if opcode == 0x0F:
        return condition(cpu.rflags, second & 15)
    if opcode in _SHORT_CONDITIONAL:
        return condition(cpu.rflags, opcode & 15)
    mask = MASK64 >> 32 if prefixes.address_size else MASK64
    count = cpu.registers["rcx"] & mask
    if opcode == _JRCXZ:
        return count == 0
    count = count - 1 & mask
    cpu.registers["rcx"] = count
    zero = bool(cpu.rflags & ZF)
    return count != 0 and (opcode == _LOOP or zero == (opcode == _LOOPE))


def condition(rflags: int, code: int) -> bool:
    """The value of the condition with that number in Jcc and SETcc (SDM vol. 1, appendix B)."""
    carry, zero, parity = bool(rflags & CF), bool(rflags & ZF), bool(rflags & PF)
    sign, overflow = bool(rflags & SF), bool(rflags & OF)
    less = sign != overflow
    holds = (overflow, carry, zero, carry or zero, sign, parity, less, less or zero)[code >> 1]
    return holds != bool(code & 1)


def _indirect_target(cpu: Cpu, code: bytes) -> int | Trap:
    modrm = modrm_of(code)
    if not modrm.memory:
        return register(cpu, modrm.rm, 8)
    loaded = cpu.mmu.load(memory_address(cpu, code), 8, USER)
    return loaded if isinstance(loaded, Trap) else int.from_bytes(loaded, "little")


def _jump(cpu: Cpu, target: int) -> Trap | None:
    if not is_canonical(target):
        return Trap(GP)
    cpu.registers["rip"] = target
    cpu.left_block()
    return None


def _call(cpu: Cpu, code: bytes, target: int, behind: int) -> Trap | None:
    """A stack that cannot be written is met before a target that is not canonical, as without the prefix."""
    rsp = cpu.registers["rsp"] - 8 & MASK64
    refused = trap_of(cpu.at(cpu.registers.rip(), code), rsp, 8, True)
    if refused is not None:
        return in_ss(refused)
    trap = _jump(cpu, target)
    if trap is None:
        push(cpu, rsp, behind.to_bytes(8, "little"))
        cpu.registers["rsp"] = rsp
    return trap


def _return(cpu: Cpu, released: int) -> Trap | None:
    rsp = cpu.registers["rsp"]
    loaded = pop(cpu, rsp, 8)
    if isinstance(loaded, Trap):
        return loaded
    trap = _jump(cpu, int.from_bytes(loaded, "little"))
    if trap is None:
        cpu.registers["rsp"] = rsp + 8 + released & MASK64
    return trap
