"""Rows of hw.careful for floating point: instructions that store or load MXCSR or x87 words, and inexact arithmetic."""

from __future__ import annotations

from functools import cache
from typing import Final

from pffemu.arch.floats import FCW_ONE, FCW_WRITABLE, FLAGS, FZ, MASKS, MXCSR_RESERVED, TRANSCENDENTAL
from pffemu.asm.scan import Form, first, form_of
from pffemu.hw.careful_conditions import At
from pffemu.hw.careful_row import Row
from pffemu.hw.fault_address import effective_address, operands_of
from pffemu.hw.float_substitutes import COMPARISONS, OTHER_X87, float_substitute
from pffemu.hw.mmu import USER
from pffemu.hw.modrm import modrm_of

# bits of a core's `checks`, besides those of hw.careful: arithmetic that the engine must not execute
UNMASKED_SSE: Final = 4  # SSE's may raise #XM
UNMASKED_X87: Final = 8  # x87's may leave an exception pending
EXACT_FLOAT: Final = 16  # --exact-float
_AREA_ALIGNMENT: Final = 16  # of FXSAVE's and FXRSTOR's operand


def _operand(at: At, size: int) -> int | None:
    """The memory operand's value; None when it cannot be read."""
    operands = operands_of(at.code)
    address = effective_address(operands.loads[0], at.registers, at.rip + operands.size)
    loaded = at.mmu.load(address, size, USER)
    return int.from_bytes(loaded, "little") if isinstance(loaded, bytes) else None


def _after_settling(at: At) -> bool:
    """True, once the flags are in MXCSR and FSW: the instruction stores them."""
    at.floats.settle_now()
    return True


def _clears_flags(at: At) -> bool:
    at.floats.begin(x87=0)
    return True


def _area_is_aligned(at: At) -> bool:
    operands = operands_of(at.code)
    address = effective_address(operands.loads[0], at.registers, at.rip + operands.size)
    return address % _AREA_ALIGNMENT == 0 and _after_settling(at)


def _loads_usual_mxcsr(at: At) -> bool:
    """LDMXCSR: no exception is unmasked before or after, and results are not flushed to zero."""
    value = _operand(at, 4)
    if value is None:
        return True  # the load faults
    usual = value & MASKS == MASKS and not value & (MXCSR_RESERVED | FZ) and not at.floats.flushes
    if usual:
        at.floats.begin(sse=value)
    return usual


def _loads_usual_fcw(at: At) -> bool:
    """FLDCW: the value unmasks no exception and has the reserved bits as they read back."""
    value = _operand(at, 2)
    return value is None or (value & FLAGS == FLAGS and value == value & FCW_WRITABLE | FCW_ONE)


def _is_in_mmx(at: At) -> bool:
    """Whether x87 is in MMX state: else Unicorn leaves exponents as they are, and sets tags before a fault."""
    exponents = at.floats.mmx_exponents()
    if exponents is None:
        return False
    scanned = first(at.code)
    if scanned is None or float_substitute(form_of(scanned.form), at.code[: scanned.size]) is not None:
        return False  # REX
    target = mmx_target(form_of(scanned.form), at.code)
    return target is None or exponents[target] == _ALL_ONES


_ALL_ONES: Final = 0xFFFF
_ROWS: Final = {
    **dict.fromkeys(("dpps", "dppd"), Row("sse_arithmetic")),  # Unicorn adds the products one by one to +0
    "stmxcsr": Row("float_store", exact=_after_settling),
    "ldmxcsr": Row("float_load", exact=_loads_usual_mxcsr),
    "fxsave": Row("float_store", exact=_area_is_aligned),
    "fxsave64": Row("float_store", exact=_area_is_aligned),
    "fxrstor": Row("float_load"),
    "fxrstor64": Row("float_load"),
    "fnstsw": Row("x87", exact=_after_settling),
    "fnclex": Row("x87", exact=_clears_flags),
    "fninit": Row("x87", exact=_clears_flags),
    "fldcw": Row("x87", exact=_loads_usual_fcw),
    "fnstenv": Row("x87"),
    "fnsave": Row("x87"),
    "fldenv": Row("x87"),
    "frstor": Row("x87"),
    # Unicorn computes these with 53 bits, or without the special cases
    **dict.fromkeys((*TRANSCENDENTAL, "fprem", "fprem1", "fscale", "fxtract", "fbld", "fbstp"), Row("x87")),
}
_MMX: Final = Row("mmx", exact=_is_in_mmx)
_X87: Final = frozenset({"FPU", "FPU287", "FPU387"})
_X87_UNIT: Final = Row("x87")
_ALONE: Final = Row("alone")
_SSE: Final = Row("sse_arithmetic")
_SSE_ARITHMETIC: Final = (
    "ADDP", "ADDS", "SUBP", "SUBS", "MULP", "MULS", "DIVP", "DIVS", "SQRT", "MINP", "MINS", "MAXP", "MAXS", "CMPP",
    "CMPS", "COMIS", "UCOMIS", "CVT", "ROUND", "DPP", "HADDP", "HSUBP",
)  # fmt: skip
_ESTIMATES: Final = ("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS")  # they raise no exceptions, but do so in the engine


def row_of(form: Form, checks: int) -> Row | None:
    """The row of an opcode; `checks`: as in hw.careful."""
    if (checks & (UNMASKED_X87 | EXACT_FLOAT) and is_x87(form)) or (checks & UNMASKED_X87 and is_mmx(form)):
        return _X87_UNIT
    if checks & (UNMASKED_SSE | EXACT_FLOAT) and is_sse_arithmetic(form):
        return _SSE
    if checks & EXACT_FLOAT and form.name.startswith(_ESTIMATES):
        return _SSE
    if is_mmx(form):
        return _SSE if form.mnemonic.startswith("cvt") else _MMX
    return _ROWS.get(form.mnemonic)


@cache
def has_encodings(form: int) -> bool:
    """Whether `row_of_encoding` may have a row for this iced Code."""
    name = form_of(form).name
    return name.startswith((*_HORIZONTAL, *COMPARISONS)) or name in OTHER_X87


def row_of_encoding(form: Form, code: bytes) -> Row | None:
    """The row of an instruction that needs other bytes, or that Unicorn executes wrongly with one register twice."""
    if form.name.startswith(_HORIZONTAL) and is_twice_the_same(code):
        return Row("horizontal") if form.name.startswith("PH") else _SSE
    if is_mmx(form):
        return None  # its executor handles such bytes
    return _ALONE if float_substitute(form, code) is not None else None


def is_twice_the_same(code: bytes) -> bool:
    """Whether both operands are the same register."""
    modrm = modrm_of(code)
    if modrm.prefixes.operand_size:
        return not modrm.memory and modrm.reg == modrm.rm
    return not modrm.memory and modrm.extension == modrm.rm & 7  # MMX registers: REX has no effect


_HORIZONTAL: Final = ("PHADD", "PHSUB", "HADDP", "HSUBP")


def is_x87(form: Form) -> bool:
    return bool(form.features & _X87) or form.mnemonic in ("wait", "fisttp")


def is_mmx(form: Form) -> bool:
    """Whether it accesses MMX registers, and so x87 state."""
    return "_MM_" in form.name or form.name.endswith("_MM") or "_MMM" in form.name or form.mnemonic == "emms"


def mmx_target(form: Form, code: bytes) -> int | None:
    """The number of the MMX register that the instruction writes."""
    operands = form.name.split("_")[1:]
    if operands[:1] == ["MM"]:
        modrm = modrm_of(code)
        return modrm.rm & 7 if "IMM8" in operands[1:2] else modrm.extension
    if operands == ["MMM64", "MM"] and not modrm_of(code).memory:
        return modrm_of(code).rm & 7
    return None


def is_sse_arithmetic(form: Form) -> bool:
    """Whether it can raise a SIMD floating-point exception."""
    return form.name.startswith(_SSE_ARITHMETIC) and "XMM" in form.name
