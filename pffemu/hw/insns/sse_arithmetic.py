"""SSE arithmetic by hw.floats: while an exception is unmasked, or with --exact-float (SDM vol. 1, 11.5)."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP, XM
from pffemu.arch.floats import BEFORE, unmasked
from pffemu.arch.rflags import AF, CF, OF, PF, SF, ZF
from pffemu.asm.scan import Form, first, form_of
from pffemu.engine.float_registers import FloatRegisters
from pffemu.hw.cpu import Cpu
from pffemu.hw.floats import sse
from pffemu.hw.insns.operands import memory_address, register
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import ModRm, modrm_of
from pffemu.hw.trap import Trap

_ALIGNED: Final = 16  # bytes of an operand that has to be
_ARITHMETIC_FLAGS: Final = OF | SF | ZF | AF | PF | CF
_RELATIONS: Final = ("comis", "ucomis")


class _Instruction(NamedTuple):
    form: Form
    target: str  # XMM, MM or R32, R64
    modrm: ModRm
    immediate: int


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    scanned = first(code)
    assert scanned is not None
    form = form_of(scanned.form)
    instruction = _Instruction(form, form.name.split("_")[1], modrm_of(code), code[length - 1])
    saved = cpu.engine.save_registers()
    floats = saved.floats()
    source = _source(cpu, instruction, floats, code)
    if isinstance(source, Trap):
        return source
    result, rflags = _computed(instruction, floats, source), cpu.rflags
    if form.mnemonic.startswith(_RELATIONS):
        rflags = rflags & ~_ARITHMETIC_FLAGS | result.value
    raised = unmasked(result.flags, floats["mxcsr"])
    floats["mxcsr"] |= result.earlier | (result.flags & BEFORE if raised & BEFORE else result.flags)
    if raised:
        cpu.engine.load_registers(saved.with_floats(floats))
        return Trap(XM)
    words = {"rip": cpu.registers.rip() + length, "rflags": rflags}
    if form.mnemonic.startswith(_RELATIONS):
        pass
    elif instruction.target == "XMM":
        floats.set_xmm(instruction.modrm.reg, result.value)
    elif instruction.target == "MM":
        floats.set_mm(instruction.modrm.reg & 7, result.value)
    else:
        words[REGISTERS_64[instruction.modrm.reg]] = result.value
    cpu.engine.load_registers(saved.with_floats(floats).replace(**words))
    return None


def _computed(instruction: _Instruction, floats: FloatRegisters, source: int) -> sse.Result:
    form, modrm = instruction.form, instruction.modrm
    destination = floats.xmm(modrm.reg) if instruction.target == "XMM" else 0
    if form.mnemonic.startswith(_RELATIONS):
        return sse.relation(form.mnemonic, destination, source, floats["mxcsr"])
    width = 64 if form.name.endswith("RM64") or instruction.target == "R64" else 32
    return sse.compute(form.mnemonic, destination, source, instruction.immediate, floats["mxcsr"], width)


def _source(cpu: Cpu, instruction: _Instruction, floats: FloatRegisters, code: bytes) -> int | Trap:
    """The second operand. An MMX register as operand switches x87 to MMX state."""
    form, modrm = instruction.form, instruction.modrm
    kind = form.name.split("_")[2]
    if instruction.target == "MM" or (kind == "MMM64" and not modrm.memory):
        floats.enter_mmx()
    if modrm.memory:
        address = memory_address(cpu, code)
        if form.memory_size == _ALIGNED and address % _ALIGNED:
            return Trap(GP)
        loaded = cpu.mmu.load(address, form.memory_size, USER)
        return loaded if isinstance(loaded, Trap) else int.from_bytes(loaded, "little")
    if kind == "MMM64":
        return floats.mm(modrm.rm & 7)
    return floats.xmm(modrm.rm) if kind.startswith("XMM") else register(cpu, modrm.rm, 8 if kind == "RM64" else 4)
