"""State that the manual leaves undefined, or to the model of the processor, and that is therefore not compared.

iced knows the undefined flags of RFLAGS; this file has the rest.
"""

from __future__ import annotations

from typing import Any, Final

from iced_x86 import CpuidFeature, Mnemonic, OpKind, Register, RegisterExt, RflagsBits

from tests.oracle.layout import GENERAL

_FLAG_BITS: Final = {
    RflagsBits.CF: 0x1, RflagsBits.PF: 0x4, RflagsBits.AF: 0x10, RflagsBits.ZF: 0x40, RflagsBits.SF: 0x80,
    RflagsBits.OF: 0x800,
}  # fmt: skip
_FPU: Final = frozenset((CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387))
C0_C2_C3: Final = 0x4500
C2: Final = 0x400
# x87 instructions that define C0, C2 and C3, or leave them alone (SDM vol. 2, "FPU Flags Affected").
_DEFINE_CODES: Final = frozenset((
    Mnemonic.FCOM, Mnemonic.FCOMP, Mnemonic.FCOMPP, Mnemonic.FUCOM, Mnemonic.FUCOMP, Mnemonic.FUCOMPP, Mnemonic.FICOM,
    Mnemonic.FICOMP, Mnemonic.FTST, Mnemonic.FXAM, Mnemonic.FPREM, Mnemonic.FPREM1, Mnemonic.FNINIT, Mnemonic.FLDENV,
    Mnemonic.FRSTOR, Mnemonic.FNSTSW, Mnemonic.FNSTCW, Mnemonic.FNSAVE, Mnemonic.FNSTENV,
))  # fmt: skip
_STORE_STATUS: Final = frozenset((
    Mnemonic.FNSTSW, Mnemonic.FNSTENV, Mnemonic.FNSAVE, Mnemonic.FXSAVE, Mnemonic.FXSAVE64, Mnemonic.FNSTCW,
))  # fmt: skip
# Bytes of a stored image that are the processor's own: FOP, FIP, FDP, MXCSR_MASK, reserved ones.
_FXSAVE: Final = ((6, 24), (28, 32), (416, 512), *((42 + 16 * i, 48 + 16 * i) for i in range(8)))
_SAVE32: Final = ((2, 4), (6, 8), (10, 28))
_SAVE16: Final = ((6, 14),)
_ROTATES: Final = (Mnemonic.RCL, Mnemonic.RCR, Mnemonic.ROL, Mnemonic.ROR)
_SCANS: Final = (Mnemonic.BSF, Mnemonic.BSR, Mnemonic.TZCNT, Mnemonic.LZCNT)
_REGISTER_NAMES: Final = {
    number: name.lower() for name, number in vars(Register).items() if name in {name.upper() for name in GENERAL}
}
_DOUBLE_SHIFTS: Final = (Mnemonic.SHLD, Mnemonic.SHRD)
_COUNTED: Final = (*_ROTATES, *_DOUBLE_SHIFTS, Mnemonic.SHL, Mnemonic.SAL, Mnemonic.SHR, Mnemonic.SAR)


def undefined_flags(instructions: tuple[Any, ...]) -> int:
    """Bits of RFLAGS that any of them leaves undefined."""
    bits = 0
    for instruction in instructions:
        if not instruction.is_invalid:
            bits |= instruction.rflags_undefined
            bits |= RflagsBits.OF if _rotates_by_more_than_one(instruction) else 0
    return sum(flag for name, flag in _FLAG_BITS.items() if bits & name)


def flags_left_undefined(instruction: Any, before: int) -> int:
    """RflagsBits that are undefined behind the instruction, when those of `before` are in front of it."""
    kept = before if _may_count_nothing(instruction) else before & ~instruction.rflags_modified
    rotated = RflagsBits.OF if _rotates_by_more_than_one(instruction) else 0
    return int(kept | instruction.rflags_undefined | rotated)


def _may_count_nothing(instruction: Any) -> bool:
    """A shift or rotate by CL, or a repeated string instruction: with a count of 0 it leaves the flags alone."""
    by_cl = instruction.op_count > 1 and instruction.op_register(instruction.op_count - 1) == Register.CL
    return (instruction.mnemonic in _COUNTED and by_cl) or instruction.has_rep_prefix or instruction.has_repne_prefix


def _rotates_by_more_than_one(instruction: Any) -> bool:
    """Or by CL, which may be anything."""
    by_one = instruction.op1_kind == OpKind.IMMEDIATE8 and instruction.immediate8 == 1
    return instruction.mnemonic in _ROTATES and not by_one


def undefined_status(instructions: tuple[Any, ...]) -> int:
    """Bits of the x87 status word that any of them leaves undefined."""
    return C0_C2_C3 if any(leaves_codes_undefined(instruction) for instruction in instructions) else 0


def leaves_codes_undefined(instruction: Any) -> bool:
    return bool(
        not instruction.is_invalid and _FPU.intersection(instruction.cpuid_features())
        and instruction.mnemonic not in _DEFINE_CODES
    )  # fmt: skip


def reads_codes(instruction: Any) -> bool:
    """It stores the x87 status word somewhere."""
    return instruction.mnemonic in _STORE_STATUS


def may_leave_target_undefined(instruction: Any) -> bool:
    """BSF and BSR do, of zero."""
    return instruction.mnemonic in _SCANS


def scanned_register(instructions: tuple[Any, ...]) -> str:
    """The target of a single BSF or BSR; '' when it is something else."""
    if instructions[0].is_invalid or not may_leave_target_undefined(instructions[0]):
        return ""
    return _REGISTER_NAMES[RegisterExt.full_register(instructions[0].op0_register)]


def has_undefined_result(instruction: Any, registers: dict[str, int]) -> bool:
    """A register or memory is undefined afterwards: 16-bit double shifts by more than 16, BSWAP of 16 bits."""
    if instruction.is_invalid:
        return False
    if instruction.mnemonic == Mnemonic.BSWAP:
        return RegisterExt.size(instruction.op0_register) == 2
    if instruction.mnemonic in _DOUBLE_SHIFTS and RegisterExt.size(instruction.op1_register) == 2:
        by_register = instruction.op2_kind == OpKind.REGISTER
        count = registers["rcx"] if by_register else instruction.immediate8
        return count & 31 > 16
    return False


def own_bytes(instruction: Any) -> tuple[tuple[int, int], ...]:
    """Ranges of the memory operand that are the processor's own."""
    if instruction.mnemonic in (Mnemonic.FXSAVE, Mnemonic.FXSAVE64):
        return _FXSAVE
    if instruction.mnemonic in (Mnemonic.FNSAVE, Mnemonic.FNSTENV):
        return _SAVE16 if instruction.op_code().operand_size == 16 else _SAVE32
    return ()
