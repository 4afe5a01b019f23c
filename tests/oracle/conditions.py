"""What a rule may ask of a case: how its instruction is written, or what it met."""

from __future__ import annotations

from typing import Final

from iced_x86 import FlowControl, Mnemonic

from tests.oracle.compare import Difference
from tests.oracle.families import prefixes
from tests.oracle.generate import Made
from tests.oracle.values import AC

_LOCK, _FS, _GS, _OPERAND_SIZE, _ADDRESS_SIZE = 0xF0, 0x64, 0x65, 0x66, 0x67
_LEGACY_SEGMENTS: Final = {0x26, 0x2E, 0x36, 0x3E}
_REPEATS: Final = {0xF2, 0xF3}
_BRANCHES: Final = (FlowControl.INDIRECT_BRANCH, FlowControl.INDIRECT_CALL, FlowControl.RETURN)
_DAZ_AND_FTZ: Final = 1 << 6 | 1 << 15
_ALONE: Final = (Mnemonic.LDMXCSR, Mnemonic.STMXCSR)
_FETCH: Final = 0x10  # of a page fault's error code
_GP, _PF = "SIGSEGV.128.13", "SIGSEGV.1.14"


def has_two_segments(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    given = prefixes(made.case.code)
    return bool({_FS, _GS}.intersection(given) and _LEGACY_SEGMENTS.intersection(given))


def has_contradictory_prefixes(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    given = prefixes(made.case.code)
    return bool(_REPEATS.intersection(given)) and (_OPERAND_SIZE in given or set(given) >= _REPEATS)


def checks_alignment(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    return bool(made.case.rflags & AC)


def is_stack_fault(_made: Made, _difference: Difference, found: list[Difference]) -> bool:
    return _host_says(found, "SIGBUS.128.12")


def is_fetch(made: Made, difference: Difference, found: list[Difference]) -> bool:
    """A branch out of the slots, whose page Linux brings in."""
    if difference.kind == "err":
        return bool(int(difference.right, 16) & _FETCH)
    branches = any(i.flow_control != FlowControl.NEXT for i in made.instructions if not i.is_invalid)
    return branches and _host_says(found, "SIGBUS.2.14") and difference.kind in ("signal", "trapno", "err")


def crosses_canonical(_made: Made, _difference: Difference, found: list[Difference]) -> bool:
    return any(other.kind == "signal" and (other.right, other.ours) == (_GP, _PF) for other in found)


def is_narrow(made: Made, _difference: Difference, _found: list[Difference]) -> bool:
    return _ADDRESS_SIZE in prefixes(made.case.code)


def is_floating_point(made: Made, _difference: Difference, found: list[Difference]) -> bool:
    """MXCSR differs, or what it asks for: an exception, denormals taken for zero."""
    mxcsr = int.from_bytes(made.case.fx[24:28], "little")
    return bool(mxcsr & _DAZ_AND_FTZ) or any(
        other.kind == "mxcsr" or (other.kind == "signal" and other.right.startswith("SIGFPE")) for other in found
    )


def are_nans(_made: Made, difference: Difference, _found: list[Difference]) -> bool:
    """Every lane that differs is a NaN on both sides: of singles, or of doubles."""
    right, ours = (int(text, 16) for text in (difference.right, difference.ours))
    return any(
        _differ_in_nans(right, ours, bits, exponent) for bits, exponent in ((32, 0x7F80_0000), (64, 0x7FF << 52))
    )


def _differ_in_nans(right: int, ours: int, bits: int, exponent: int) -> bool:
    lanes = [(right >> at & (1 << bits) - 1, ours >> at & (1 << bits) - 1) for at in range(0, 128, bits)]
    return all(one == other or (one & exponent == exponent and other & exponent == exponent) for one, other in lanes)


def _host_says(found: list[Difference], signal: str) -> bool:
    return any(difference.kind == "signal" and difference.right == signal for difference in found)
