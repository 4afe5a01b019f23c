"""MMX instructions while x87 is in use: the state is switched to MMX first (SDM vol. 1, 9.6.2).

TOP becomes 0, all registers become valid, and the exponent of a written register becomes all ones.
"""

from __future__ import annotations

from typing import Final

from pffemu.asm.scan import first, form_of
from pffemu.hw.careful_conditions import first_fault
from pffemu.hw.cpu import Cpu
from pffemu.hw.float_rows import mmx_target
from pffemu.hw.insns import alone
from pffemu.hw.trap import Trap

_FAULT_FIRST: Final = "maskmovq"  # its store depends on the mask


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    scanned = first(code)
    assert scanned is not None
    form = form_of(scanned.form)
    if form.mnemonic != _FAULT_FIRST:
        fault = first_fault(cpu.at(cpu.registers.rip(), code))
        if fault is not None:
            return fault
    saved = cpu.engine.save_registers()
    floats = saved.floats()
    floats.enter_mmx()
    target = mmx_target(form, code)
    if target is not None:
        floats.set_mm(target, floats.mm(target))
    cpu.engine.load_registers(saved.with_floats(floats))
    return alone.execute(cpu, length, code)
