"""SGDT, SIDT, SLDT, STR, SMSW: with CR4.UMIP they are #GP in ring 3, and Linux supplies fixed values instead.

The values and the sizes written are those of arch/x86/kernel/umip.c.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import REGISTERS_64
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of
from pffemu.hw.trap import Trap

_GDT_BASE, _IDT_BASE = 0xFFFF_FFFF_FFFE_0000, 0xFFFF_FFFF_FFFF_0000
_TSS_SELECTOR: Final = 0x40
_CR0: Final = 0x8005_0033  # PG AM WP NE ET MP PE
_GROUP6: Final = b"\x0f\x00"
_STR: Final = 1  # of group 6; SLDT is 0
_SGDT, _SIDT = 0, 1  # of group 7; SMSW is 4


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    modrm = modrm_of(code)
    value = _CR0 if modrm.opcode != _GROUP6 else _TSS_SELECTOR if modrm.extension == _STR else 0
    if modrm.memory:
        table = modrm.opcode != _GROUP6 and modrm.extension in (_SGDT, _SIDT)
        base = _GDT_BASE if modrm.extension == _SGDT else _IDT_BASE
        stored = bytes(2) + base.to_bytes(8, "little") if table else (value & 0xFFFF).to_bytes(2, "little")
        trap = cpu.mmu.store(memory_address(cpu, code), stored, USER)
        if trap is not None:
            return trap
    else:
        name, mask = REGISTERS_64[modrm.rm], (1 << 8 * modrm.size) - 1
        cpu.registers[name] = cpu.registers[name] & ~mask | value & mask
    cpu.registers.skip(length)
    return None
