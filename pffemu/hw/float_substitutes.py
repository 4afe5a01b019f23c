"""Encodings of floating point that Unicorn does not know, and others of the same length that it executes correctly."""

from __future__ import annotations

from typing import Final

from pffemu.asm.scan import Form
from pffemu.hw.modrm import modrm_of
from pffemu.hw.prefixes import prefixes_of

# undocumented encodings of FCOM, FCOMP, FXCH, FSTP with a register: the documented ones
OTHER_X87: Final = {
    "FCOM_ST0_STI_DCD0": b"\xd8\xd0",
    "FCOMP_ST0_STI_DCD8": b"\xd8\xd8",
    "FCOMP_ST0_STI_DED0": b"\xd8\xd8",
    "FXCH_ST0_STI_DDC8": b"\xd9\xc8",
    "FXCH_ST0_STI_DFC8": b"\xd9\xc8",
    "FSTP_STI_DFD0": b"\xdd\xd8",
    "FSTP_STI_DFD8": b"\xdd\xd8",
    "FSTPNCE_STI": b"\xdd\xd8",
}
COMPARISONS: Final = ("CMPPS_", "CMPPD_", "CMPSS_XMM", "CMPSD_XMM")
_PREDICATES: Final = 8


_ENVIRONMENT: Final = ("FNSTENV_", "FLDENV_", "FNSAVE_", "FRSTOR_")
_REX: Final = 0x40
_IGNORED_REX: Final = b"\x40"  # in front of another prefix
_OPERAND_SIZE: Final = b"\x66"
_W, _R, _B = 8, 4, 1


def _without_meaningless_rex(form: Form, code: bytes) -> bytes | None:
    """Without REX.W for x87's environment, REX.R and REX.B for MMX registers: only Unicorn obeys these."""
    prefixes = prefixes_of(code)
    if not prefixes.rex:
        return None
    clear = _W if form.name.startswith(_ENVIRONMENT) else 0
    operands = form.name.split("_")[1:]
    if "MM" in operands or "MMM64" in operands or "MMM32" in operands:
        in_reg, in_rm = _places(operands)
        clear |= _R if in_reg == "MM" else 0
        clear |= _B if not modrm_of(code).memory and in_rm.startswith("MM") else 0
    rex = prefixes.rex[0]
    if not rex & clear:
        return None
    legacy = code[: prefixes.end - 1]
    if clear == _W:  # REX.W overrides 66
        legacy = legacy.replace(_OPERAND_SIZE, _IGNORED_REX)
    return legacy + bytes((_REX | rex & 15 & ~clear,)) + code[prefixes.end :]


def _places(operands: list[str]) -> tuple[str, str]:
    """The kinds of operands in ModRM's reg and r/m."""
    named = [kind for kind in operands if kind not in ("RDI", "IMM8")]
    if len(named) == 1:  # a shift by an immediate
        return "", named[0]
    return (named[1], named[0]) if named[0].startswith(("RM", "MMM")) else (named[0], named[1])


def float_substitute(form: Form, code: bytes) -> bytes | None:
    """The whole instruction `code` in other bytes; None: Unicorn knows it as it is."""
    canonical = OTHER_X87.get(form.name)
    if canonical is not None:
        return code[:-2] + bytes((canonical[0], canonical[1] | code[-1] & 7))
    extended = _without_meaningless_rex(form, code)
    if extended is not None:
        return extended
    if form.name.startswith(COMPARISONS) and code[-1] >= _PREDICATES:
        return code[:-1] + bytes((code[-1] % _PREDICATES,))  # only three bits of the immediate count
    return None
