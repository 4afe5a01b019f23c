"""PUNPCKLBW, PUNPCKLWD and PUNPCKLDQ of an MMX register and memory: the CPU reads 4 bytes, Unicorn 8 (SDM vol. 2)."""

from __future__ import annotations

from typing import Final

from pffemu.asm.scan import first, form_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of
from pffemu.hw.trap import Trap

_READ: Final = 4  # bytes
_WIDTHS: Final = {"bw": 1, "wd": 2, "dq": 4}


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    scanned = first(code)
    assert scanned is not None
    loaded = cpu.mmu.load(memory_address(cpu, code), _READ, USER)
    if isinstance(loaded, Trap):
        return loaded
    saved, number = cpu.engine.save_registers(), modrm_of(code).reg & 7
    floats = saved.floats()
    floats.enter_mmx()
    low, width = floats.mm(number).to_bytes(8, "little"), _WIDTHS[form_of(scanned.form).mnemonic[-2:]]
    pairs = (low[at : at + width] + loaded[at : at + width] for at in range(0, _READ, width))
    floats.set_mm(number, int.from_bytes(b"".join(pairs), "little"))
    cpu.engine.load_registers(saved.with_floats(floats).replace(rip=cpu.registers.rip() + length))
    return None
