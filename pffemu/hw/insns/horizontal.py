"""PHADD and PHSUB of a register with itself: Unicorn reads source elements that it has overwritten (SDM vol. 2)."""

from __future__ import annotations

from typing import Final

from pffemu.asm.scan import first, form_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.modrm import modrm_of

_BYTES: Final = {"w": 2, "d": 4}


def execute(cpu: Cpu, length: int, code: bytes) -> None:
    scanned = first(code)
    assert scanned is not None
    form, number = form_of(scanned.form), modrm_of(code).reg
    saved = cpu.engine.save_registers()
    floats = saved.floats()
    if "_XMM_" in form.name:
        floats.set_xmm(number, _combined(form.mnemonic, floats.xmm(number), 16))
    else:
        floats.enter_mmx()
        floats.set_mm(number & 7, _combined(form.mnemonic, floats.mm(number & 7), 8))
    rip = cpu.registers.rip() + length
    cpu.engine.load_registers(saved.with_floats(floats).replace(rip=rip))


def _combined(mnemonic: str, value: int, size: int) -> int:
    """The sums or differences of neighbours, twice."""
    octets, width = value.to_bytes(size, "little"), _BYTES[mnemonic[-1]]
    parts = [int.from_bytes(octets[at : at + width], "little", signed=True) for at in range(0, size, width)]
    sign = -1 if mnemonic.startswith("phsub") else 1
    totals = [low + sign * high for low, high in zip(parts[::2], parts[1::2], strict=True)]
    if mnemonic.endswith("sw"):
        totals = [max(-0x8000, min(0x7FFF, total)) for total in totals]
    half = b"".join((total & (1 << 8 * width) - 1).to_bytes(width, "little") for total in totals)
    return int.from_bytes(half * 2, "little")
