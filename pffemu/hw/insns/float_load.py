"""LDMXCSR and FXRSTOR where Unicorn's own are wrong (SDM vol. 2)."""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch.exceptions import GP
from pffemu.arch.floats import FCW_ONE, FCW_WRITABLE, FZ, MXCSR_RESERVED, with_summary
from pffemu.asm.scan import first, form_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.mmu import USER
from pffemu.hw.trap import Trap

_AREA: Final = 512  # bytes
_ALIGNMENT: Final = 16
_MXCSR_AT: Final = 24
_FLUSHING: Final = (
    "MXCSR.FZ is set: a result that rounds to the smallest normal number may be flushed to zero; --exact-float is right"
)


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    instruction = first(code)
    mnemonic = form_of(instruction.form).mnemonic if instruction is not None else ""
    address = memory_address(cpu, code)
    trap = _ldmxcsr(cpu, address) if mnemonic == "ldmxcsr" else _area(cpu, address)
    if trap is None:
        cpu.registers.skip(length)
    return trap


def _ldmxcsr(cpu: Cpu, address: int) -> Trap | None:
    loaded = cpu.mmu.load(address, 4, USER)
    if isinstance(loaded, Trap):
        return loaded
    mxcsr = int.from_bytes(loaded, "little")
    if mxcsr & MXCSR_RESERVED:
        return Trap(GP)
    _warn_of_flushing(cpu, mxcsr)
    cpu.load_float_control(mxcsr=mxcsr)
    return None


def _area(cpu: Cpu, address: int) -> Trap | None:
    """FXRSTOR."""
    if address % _ALIGNMENT:
        return Trap(GP)
    loaded = cpu.mmu.load(address, _AREA, USER)
    if isinstance(loaded, Trap):
        return loaded
    (mxcsr,) = struct.unpack_from("<I", loaded, _MXCSR_AT)
    if mxcsr & MXCSR_RESERVED:
        return Trap(GP)
    _warn_of_flushing(cpu, mxcsr)
    fcw, fsw = struct.unpack_from("<HH", loaded)
    fcw = fcw & FCW_WRITABLE | FCW_ONE
    area = struct.pack("<HH", fcw, with_summary(fsw, fcw)) + loaded[4:]
    cpu.engine.load_registers(cpu.engine.save_registers().with_fxsave(area))
    return None


def _warn_of_flushing(cpu: Cpu, mxcsr: int) -> None:
    if mxcsr & FZ and not cpu.options.exact_float:
        cpu.warn(cpu, _FLUSHING)
