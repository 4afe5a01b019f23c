"""The x87 instructions, by mnemonic and kinds of operands, as operations of the unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from pffemu.arch.floats import C0, C1, C2, C3
from pffemu.arch.rflags import AF, CF, OF, PF, SF, ZF
from pffemu.hw.floats import arithmetic as ieee
from pffemu.hw.floats.formats import F32, F64, F80, Number, unpack
from pffemu.hw.floats.remainder import extract, remainder, scale
from pffemu.hw.floats.rounding import TO_ZERO, Rounded, rounded
from pffemu.hw.floats.transcendental import FUNCTIONS
from pffemu.hw.floats.x87 import CONDITIONS, X87, Given, from_decimal, relation

_FORMATS: Final = {"M32FP": (F32, 4), "M64FP": (F64, 8), "M80FP": (F80, 10)}
_INTEGERS: Final = {"M16INT": 2, "M32INT": 4, "M64INT": 8}
_DECIMAL: Final = 10  # bytes
_TOUCHED: Final = OF | SF | ZF | AF | PF | CF
_ARITHMETIC: Final = ("add", "subr", "sub", "mul", "divr", "div")
_CONSTANTS: Final = {  # significand of 66 bits and more, sticky last, exponent of its last bit
    "fld1": (1, 0),
    "fldl2t": (0x3_5269_E12F_346E_2BF9 << 1 | 1, -65),
    "fldl2e": (0x2_E2A8_ECA5_705F_C2EF << 1 | 1, -66),
    "fldpi": (0x3_243F_6A88_85A3_08D3 << 1 | 1, -65),
    "fldlg2": (0x2_6882_6A13_EF3F_DE62 << 1 | 1, -68),
    "fldln2": (0x2_C5C8_5FDF_473D_E6AF << 1 | 1, -67),
}


class Operand(NamedTuple):
    """The operand besides ST(0): a register (`register`: its number in ModRM), or bytes from memory."""

    kind: str  # STI, M32FP and so on, "" for none
    register: int = 0
    memory: int = 0
    target: bool = False  # ST(i) is the destination


class Effect(NamedTuple):
    """What the caller still has to do: a store of `size` bytes (0: none), and RFLAGS."""

    value: int = 0
    size: int = 0
    rflags: int | None = None


Instruction = Callable[[X87, str, Operand, int], Effect]
NOTHING: Final = Effect()


def execute(unit: X87, mnemonic: str, operand: Operand, rflags: int) -> Effect:
    """Execute an instruction. Raises Given (hw.floats.x87) when an unmasked exception suppresses it."""
    return _of(mnemonic)(unit, mnemonic, operand, rflags)


def _other(unit: X87, operand: Operand) -> Number | None:
    """The operand as a number. A conversion from memory may raise, so ST(0) is checked first."""
    if operand.kind in _FORMATS:
        format, _ = _FORMATS[operand.kind]
        number = unpack(format, operand.memory)
        if format is F80:
            return number
        wide = ieee.convert(F80, format, number, unit.how)
        bits = wide.bits if not number.is_nan else wide.bits & ~(0 if number.bits & format.quiet_bit else F80.quiet_bit)
        return unpack(F80, bits)._replace(denormal=number.denormal)
    if operand.kind in _INTEGERS:
        return unpack(F80, ieee.from_integer(F80, _signed(operand), unit.how).bits)
    return unit.number(operand.register)


def _signed(operand: Operand) -> int:
    width = 8 * _INTEGERS[operand.kind]
    return operand.memory - (operand.memory >> width - 1 << width)


def _arithmetic(unit: X87, mnemonic: str, operand: Operand, _rflags: int) -> Effect:
    name = mnemonic.removeprefix("fi") if operand.kind in _INTEGERS else mnemonic[1:]
    pops = name.endswith("p")
    operation = name.removesuffix("p")
    other = _other(unit, operand)
    a, b = (other, unit.number(0)) if operand.target else (unit.number(0), other)
    unit.combine(operation, operand.register if operand.target else 0, a, b)
    if pops:
        unit.pop()
    return NOTHING


def _compare(unit: X87, mnemonic: str, operand: Operand, rflags: int) -> Effect:
    name = mnemonic.removeprefix("fi" if operand.kind in _INTEGERS else "f")
    signaling = not name.startswith("u")
    if mnemonic == "ftst":
        other: Number | None = unpack(F80, 0)
    else:
        other = unit.number(1) if not operand.kind else _other(unit, operand)
    to_rflags, c1 = "comi" in name, unit.registers["fsw"] & C1
    top = unit.number(0)
    found, effect = relation(top, other), NOTHING
    if to_rflags:
        flags = (ZF if found & C3 else 0) | (PF if found & C2 else 0) | (CF if found & C0 else 0)
        effect = Effect(rflags=rflags & ~_TOUCHED | flags)
    else:
        unit.set(CONDITIONS, found)
    try:
        unit.signal_comparison(top, other, signaling)
    except Given:  # nothing is popped; CPUs set the condition codes even for an unmasked #IA, unlike SDM vol. 2
        return effect
    finally:
        if to_rflags and not unit.faulted:
            unit.set(C1, c1)
    for _ in range(len(name) - len(name.rstrip("p"))):
        unit.pop()
    return effect


def _load(unit: X87, mnemonic: str, operand: Operand, _rflags: int) -> Effect:
    if operand.kind == "STI":
        bits = unit.registers.st(operand.register)
        if unit.registers.is_empty(operand.register):
            unit.push(unit.stack_fault())
        else:
            unit.load(Rounded(bits, 0))
    elif mnemonic == "fbld":
        unit.load(from_decimal(operand.memory))
    elif mnemonic == "fild":
        unit.load(ieee.from_integer(F80, _signed(operand), unit.how))
    else:
        format, _ = _FORMATS[operand.kind]
        number = unpack(format, operand.memory)
        unit.load(Rounded(operand.memory, 0) if format is F80 else ieee.convert(F80, format, number, unit.how))
    return NOTHING


def _constant(unit: X87, mnemonic: str, _operand: Operand, _rflags: int) -> Effect:
    if mnemonic == "fldz":
        unit.load(Rounded(0, 0))
        return NOTHING
    significand, exponent = _CONSTANTS[mnemonic]
    unit.load(Rounded(rounded(F80, 0, significand, exponent, unit.how._replace(unmasked=0)).bits, 0))
    return NOTHING


def _store(unit: X87, mnemonic: str, operand: Operand, _rflags: int) -> Effect:
    pops = mnemonic.endswith("p")
    effect = NOTHING
    if mnemonic == "fstpnce":  # FSTP that raises nothing; of an empty register it only pops
        pops = True
        unit.set(C1, 0)
        if not unit.registers.is_empty(0):
            unit.registers.set_st(operand.register, unit.registers.st(0))
    elif operand.kind == "STI":
        unit.copy(operand.register, 0)
    elif operand.kind == "M80FP":
        number = unit.number(0)
        effect = Effect(unit.stack_fault() if number is None else number.bits, 10)
        if number is not None:
            unit.set(C1, 0)
    elif operand.kind in _FORMATS:
        format, size = _FORMATS[operand.kind]
        effect = Effect(unit.store(format), size)
    elif mnemonic == "fbstp":
        effect = Effect(unit.store_decimal(), _DECIMAL)
    else:
        size = _INTEGERS[operand.kind]
        truncates = mnemonic == "fisttp"
        effect = Effect(unit.store_integer(8 * size, TO_ZERO if truncates else unit.mode), size)
    if pops:
        unit.pop()
    return effect


def _sign(unit: X87, mnemonic: str, _operand: Operand, _rflags: int) -> Effect:
    if unit.registers.is_empty(0):
        unit.registers.set_st(0, unit.stack_fault())
        return NOTHING
    unit.set(C1, 0)
    bits = unit.registers.st(0)
    unit.registers.set_st(0, bits ^ 1 << 79 if mnemonic == "fchs" else bits & (1 << 79) - 1)
    return NOTHING


def _one(unit: X87, mnemonic: str, _operand: Operand, _rflags: int) -> Effect:
    """FSQRT and FRNDINT."""
    number = unit.number(0)
    if number is None:
        unit.registers.set_st(0, unit.stack_fault())
    elif mnemonic == "fsqrt":
        unit.put(0, ieee.square_root(F80, number, unit.controlled))
    else:
        unit.put(0, ieee.to_integral(F80, number, unit.mode, denormals=True))
    return NOTHING


def _move(unit: X87, mnemonic: str, operand: Operand, rflags: int) -> Effect:
    """FCMOVcc."""
    condition = mnemonic.removeprefix("fcmov").removeprefix("n")
    holds = bool(rflags & _CONDITIONS_OF_MOVE[condition]) != mnemonic.startswith("fcmovn")
    if unit.registers.is_empty(0) or unit.registers.is_empty(operand.register):
        unit.registers.set_st(0, unit.stack_fault())
    elif holds:
        unit.registers.set_st(0, unit.registers.st(operand.register))
    return NOTHING


def _stack(unit: X87, mnemonic: str, operand: Operand, _rflags: int) -> Effect:
    """FXCH, FINCSTP, FDECSTP, FFREE, FFREEP, FNOP, FXAM."""
    registers = unit.registers
    if mnemonic == "fxch":
        unit.exchange(operand.register)
    elif mnemonic == "fxam":
        unit.examine()
    elif mnemonic in ("fincstp", "fdecstp"):
        registers.top += 1 if mnemonic == "fincstp" else -1
        unit.set(C1, 0)
    elif mnemonic in ("ffree", "ffreep"):
        unit.set(C1, 0)
        registers.empty(operand.register)
        if mnemonic == "ffreep":
            unit.pop()
    return NOTHING


_FUNCTIONS: Final[dict[str, Callable[[X87], None]]] = {
    **FUNCTIONS, "fscale": scale, "fxtract": extract,
    "fprem": partial(remainder, nearest=False), "fprem1": partial(remainder, nearest=True),
}  # fmt: skip


def _function(unit: X87, mnemonic: str, _operand: Operand, _rflags: int) -> Effect:
    _FUNCTIONS[mnemonic](unit)
    return NOTHING


_CONDITIONS_OF_MOVE: Final = {"b": CF, "e": ZF, "be": CF | ZF, "u": PF}
_TABLE: Final[dict[str, Instruction]] = {
    "fsqrt": _one, "frndint": _one, "fchs": _sign, "fabs": _sign, "ftst": _compare, "fcompp": _compare,
    "fucompp": _compare, "fldz": _constant, **dict.fromkeys(_CONSTANTS, _constant),
    **dict.fromkeys(("fld", "fild", "fbld"), _load),
    **dict.fromkeys(("fst", "fstp", "fist", "fistp", "fisttp", "fbstp", "fstpnce"), _store),
    **dict.fromkeys(("fxch", "fxam", "fincstp", "fdecstp", "ffree", "ffreep", "fnop"), _stack),
    **dict.fromkeys(_FUNCTIONS, _function),
}  # fmt: skip


def _of(mnemonic: str) -> Instruction:
    known = _TABLE.get(mnemonic)
    if known is not None:
        return known
    if mnemonic.startswith("fcmov"):
        return _move
    return _compare if "com" in mnemonic else _arithmetic


def knows(mnemonic: str) -> bool:
    """Whether it is an instruction that computes or moves, not one that only loads or stores control words."""
    if mnemonic in _TABLE or mnemonic.startswith(("fcmov", "fcom", "fucom", "ficom")):
        return True
    return mnemonic.removeprefix("f").removeprefix("i").startswith(_ARITHMETIC) and mnemonic[0] == "f"
