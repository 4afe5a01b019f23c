"""CMPXCHG r/m32, CMPXCHG8B and CMPXCHG16B: the engine's, without Unicorn's wrong changes (SDM vol. 2).

If CMPXCHG finds its operands equal, it does not write EAX; else it does not write a target register; so the upper half
of that one stays. CMPXCHG8B and 16B change no flag but ZF.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP
from pffemu.arch.rflags import ZF
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import aligned, alone
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.modrm import modrm_of
from pffemu.hw.trap import Trap

_PAIRS: Final = b"\x0f\xc7"  # CMPXCHG8B and CMPXCHG16B
_RAX: Final = 0


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    registers = cpu.registers
    rax, rflags = registers["rax"], registers["rflags"]
    modrm = modrm_of(code)
    pairs = modrm.opcode == _PAIRS
    target = registers[REGISTERS_64[modrm.rm]]
    if pairs and modrm.size == 8 and memory_address(cpu, code) % 16:
        return Trap(GP)
    refused = aligned.operand_trap(cpu, code)
    if refused is not None:
        return refused
    trap = alone.execute(cpu, length, code)
    if trap is not None:
        return trap
    equal = registers["rflags"] & ZF
    if pairs:
        registers["rflags"] = rflags & ~ZF | equal
    elif equal and (modrm.memory or modrm.rm != _RAX):
        registers["rax"] = rax
    elif not equal and not modrm.memory:
        registers[REGISTERS_64[modrm.rm]] = target
    return None
