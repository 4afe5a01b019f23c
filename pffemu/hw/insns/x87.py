"""x87 instructions that load or store control words, or that Unicorn computes with 53 bits; all, with one unmasked.

Arithmetic is that of hw.floats; the other instructions run alone in the engine, and this file adds what Unicorn omits
(SDM vol. 1, 8.5 to 8.7): #MF of a pending exception, the summary bit, reserved bits, the masks after FNSTENV.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.exceptions import MF
from pffemu.arch.floats import ES, FCW_ONE, FCW_WRITABLE, FLAGS, with_summary
from pffemu.asm.scan import Form, first, form_of
from pffemu.hw.careful_conditions import trap_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.float_rows import is_mmx, is_twice_the_same
from pffemu.hw.floats import x87_forms
from pffemu.hw.floats.x87 import X87, Given
from pffemu.hw.insns import aligned, alone, horizontal, mmx, sse_arithmetic, unpack
from pffemu.hw.insns.operands import memory_address
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of
from pffemu.hw.trap import Trap

_NO_WAIT: Final = frozenset({"fninit", "fnclex", "fnstsw", "fnstcw", "fnstenv", "fnsave", "fneni", "fndisi", "fnsetpm"})
_FROM_INTEGERS: Final = frozenset({"cvtpi2pd", "cvtpi2ps"})
_LOADS_STATUS: Final = frozenset({"fninit", "fnclex", "fnsave", "fldenv", "frstor"})
_MASKS_ALL: Final = "fnstenv"
_SIZES: Final = {"M16INT": 2, "M32INT": 4, "M64INT": 8, "M32FP": 4, "M64FP": 8, "M80FP": 10, "M80BCD": 10}
_STORED_32_BITS: Final = ("M28BYTE", "M108BYTE")
_RESERVED: Final = b"\xff\xff"
_RESERVED_AT: Final = (2, 6, 10, 26)  # behind FCW, FSW, FTW and the data selector
_STORES: Final = ("fst", "fist", "fbst")


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    scanned = first(code)
    assert scanned is not None
    form = form_of(scanned.form)
    floats = cpu.engine.floats
    floats.settle()
    if _waits(form, code) and with_summary(floats.read("fsw"), floats.read("fcw")) & ES:
        return Trap(MF)
    refused = aligned.operand_trap(cpu, code)
    if refused is not None:
        return refused
    if x87_forms.knows(form.mnemonic):
        return _compute(cpu, form, length, code)
    if form.mnemonic.startswith("cvt"):
        trap = sse_arithmetic.execute(cpu, length, code)
        cpu.count_own(0 if trap is not None else 1)
        return trap
    if form.name.startswith(("PHADD", "PHSUB")) and is_twice_the_same(code):
        cpu.count_own()
        horizontal.execute(cpu, length, code)
        return None
    if form.name.startswith("PUNPCKL") and modrm_of(code).memory:
        trap = unpack.execute(cpu, length, code)
        cpu.count_own(0 if trap is not None else 1)
        return trap
    reserved = _reserved_words(cpu, form, code)
    trap = mmx.execute(cpu, length, code) if is_mmx(form) else alone.execute(cpu, length, code)
    if trap is None:
        _tidy(cpu, form.mnemonic)
        for address in reserved:
            cpu.mmu.store(address, _RESERVED, USER)
    return trap


def _waits(form: Form, code: bytes) -> bool:
    """Whether a pending exception is handled first: not if the instruction converts integers in memory (CVTPI2PD)."""
    return form.mnemonic not in _NO_WAIT and not (form.mnemonic in _FROM_INTEGERS and modrm_of(code).memory)


def _reserved_words(cpu: Cpu, form: Form, code: bytes) -> list[int]:
    """Addresses of the upper halves of words that FNSTENV and FNSAVE store, which must be all ones."""
    if not form.name.endswith(_STORED_32_BITS) or not form.name.startswith("FN"):
        return []
    address = memory_address(cpu, code)
    return [address + at for at in _RESERVED_AT]


def _compute(cpu: Cpu, form: Form, length: int, code: bytes) -> Trap | None:
    """Execute it with the arithmetic of hw.floats, without the engine."""
    rip = cpu.registers.rip()
    operand, address = _operand(cpu, form, code)
    if isinstance(operand, Trap):
        return operand
    saved = cpu.engine.save_registers()
    unit, rflags = X87(saved.floats()), cpu.rflags
    try:
        effect = x87_forms.execute(unit, form.mnemonic, operand, rflags)
    except Given:
        effect = x87_forms.NOTHING
    if effect.size:
        trap = cpu.mmu.store(address, effect.value.to_bytes(effect.size, "little"), USER)
        if trap is not None:
            return trap
    unit.summarize()
    if effect.rflags is not None:
        rflags = effect.rflags
    cpu.engine.load_registers(saved.with_floats(unit.registers).replace(rip=rip + length, rflags=rflags))
    cpu.count_own()
    return None


def _operand(cpu: Cpu, form: Form, code: bytes) -> tuple[x87_forms.Operand | Trap, int]:
    """The operand besides ST(0), and its address if it is in memory."""
    names, modrm = form.name.split("_")[1:], modrm_of(code)
    if not modrm.memory:
        return x87_forms.Operand("STI" if names else "", modrm.rm & 7, 0, names[:1] == ["STI"]), 0
    address, size = memory_address(cpu, code), _SIZES[names[0]]
    if form.mnemonic.startswith(_STORES):
        trap = trap_of(cpu.at(cpu.registers.rip(), code), address, size, True)
        return trap or x87_forms.Operand(names[0]), address
    loaded = cpu.mmu.load(address, size, USER)
    if isinstance(loaded, Trap):
        return loaded, address
    return x87_forms.Operand(names[0], 0, int.from_bytes(loaded, "little")), address


def _tidy(cpu: Cpu, mnemonic: str) -> None:
    """Correct the x87 words after the engine has executed the instruction."""
    floats = cpu.engine.floats
    if mnemonic not in _LOADS_STATUS:
        floats.settle()
    fsw, fcw = floats.read("fsw"), floats.read("fcw")
    right = fcw & FCW_WRITABLE | FCW_ONE | (FLAGS if mnemonic == _MASKS_ALL else 0)
    cpu.load_float_control(fcw=right, fsw=with_summary(fsw, right))
