"""STMXCSR and FXSAVE where they cannot run in place: first, the exception flags are brought into MXCSR and FSW."""

from __future__ import annotations

from typing import Final

from pffemu.arch.exceptions import GP
from pffemu.asm.scan import first, form_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import alone
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.trap import Trap

_ALIGNMENT: Final = 16


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    scanned = first(code)
    assert scanned is not None
    if form_of(scanned.form).mnemonic != "stmxcsr" and memory_address(cpu, code) % _ALIGNMENT:
        return Trap(GP)
    cpu.engine.floats.settle()
    return alone.execute(cpu, length, code)
