"""The rules, in the order they are asked."""

from __future__ import annotations

from functools import cache
from typing import Final

from tests.oracle import conditions as met
from tests.oracle.forms import Form, Judge, forms
from tests.oracle.known import Rule, names_it

_ARITHMETIC = "ADD[PS][SD]_* SUB[PS][SD]_* MUL[PS][SD]_* DIV[PS][SD]_* ADDSUBP[SD]_* HADDP[SD]_* HSUBP[SD]_* DPP[SD]_*"
_COMPARISONS = "MIN[PS][SD]_* MAX[PS][SD]_* CMP[PS]S_* CMPPD_* CMPSD_XMM* *COMIS[SD]_*"
_CONVERSIONS = "SQRT[PS][SD]_* ROUND[PS][SD]_* CVTPS2PD_* CVTPD2PS_* CVTSS2SD_* CVTSD2SS_* CVTDQ2PD_*"
_CONTROL = (
    "FBLD* FBSTP* FCLEX FDECSTP FDISI FENI FINCSTP FINIT FLDCW* FN* FSAVE* FSETPM FSTCW* FSTSW* FSTENV* FPREM* "
    "FRSTOR_* FLDENV_* FSCALE FSIN FCOS FSINCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1 FXTRACT"
)

_FUNCTIONS = "FSIN FCOS FSINCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1"

_CONDITIONS: Final = (
    Rule("segment-base", "an address that is canonical only with the base of FS or GS",
         "AMD's CPUs raise #GP; the machine follows Intel's manual, where the sum counts", when=met.needs_a_base),
)  # fmt: skip

# too seldom for a campaign to look out for them
_SELDOM: Final = (
    Rule("two-strings", "which of two refused operands is the fault", "the manual does not say",
         forms="CMPS?_M* MOVS?_M*", kinds="signal err cr2 trapno", rarely=True),
    Rule("xop-evex", "8F that is not POP and 62, longer than 15 bytes as an XOP or EVEX instruction",
         "a CPU that has these looks for their end and raises #GP; the machine has neither: #UD",
         when=met.is_xop_or_evex),
)  # fmt: skip

_OF_FORMS: Final = (
    Rule("fault-word", "which word of a larger operand CR2 names, and what was stored before",
         "the manual does not say in which order they are accessed",
         forms="IRET* RETF* FXSAVE* FXRSTOR* FNSAVE* FNSTENV* FRSTOR* FLDENV* ENTER*", kinds="cr2 memory err"),
    Rule("far-pointer-64", "far pointers of 10 bytes",
         "AMD's CPUs read 6 bytes in spite of REX.W; the machine follows Intel's manual",
         forms="CALL_M1664 JMP_M1664 LSS_R64_M1664 LFS_R64_M1664 LGS_R64_M1664"),
    Rule("far-return", "RET far with an immediate whose fault lies beyond it",
         "the manual does not say what is read first",
         forms="RETF*_IMM16"),
    Rule("code-32", "a far transfer to the selector of 32-bit code", "#GP: this machine runs 64-bit code only",
         forms="CALL_M16* JMP_M16* RETF* IRET*", when=met.is_refused_here, rarely=True),
    Rule("int1", "RIP and si_code of INT1", "a hypervisor may change what the host does; this follows the manual",
         forms="INT1"),
    Rule("alignment", "#AC of FXSAVE and FXRSTOR, and what ENTER, far CALL, RET and IRET push or pop",
         "the manual does not say what comes first", forms="ENTER* CALL_M16* RETF* IRET* FXSAVE* FXRSTOR*",
         when=met.checks_alignment, rarely=True),
    Rule("call-push", "what CALL has pushed when it faults", "Unicorn stores before it looks", forms="CALL_RM64",
         kinds="memory"),
    Rule("two-halves", "the first half of a store or load across pages whose second half faults",
         "Unicorn does it in halves", forms="MOVUP?_* MOVDQU_* LDDQU_* MASKMOVDQU*", kinds="memory xmm", rarely=True),
    Rule("masked-store",
         "a refused page of which MASKMOVDQU writes nothing, and whether MASKMOVQ that faults has left x87",
         "the manual leaves it to the processor", forms="MASKMOVDQU* MASKMOVQ*", kinds="signal memory fsw ftw st",
         rarely=True),
    Rule("estimates", "RCPPS, RSQRTPS and their kin: the manual allows an error of 1.5 * 2^-12",
         "the machine's are exact, the host's are not", forms="RCPPS* RCPSS* RSQRT*", kinds="xmm"),
    Rule("estimate-flags", "the flags of RCPPS, RSQRTPS and their kin, which raise nothing on a CPU", "Unicorn divides",
         forms="RCPPS* RCPSS* RSQRT*", kinds="mxcsr", ends_with_exact_float=True),
    Rule("functions", "the last bits of x87's functions, PE and C1",
         "the manual allows one unit in the last place, and the host rounds the rest of an argument behind pi",
         forms=_FUNCTIONS, kinds="st fsw", when=met.is_last_bit, rarely=True),
    Rule("logarithm", "FYL2XP1 of what is far from 0", "the manual leaves it undefined", forms="FYL2XP1",
         kinds="st fsw ftw", when=met.is_far_from_zero, rarely=True),
    Rule("two-nans", "which of two NaNs is the result", "Unicorn", forms=f"{_ARITHMETIC} {_COMPARISONS}", kinds="xmm",
         when=met.are_nans, rarely=True, ends_with_exact_float=True),
    Rule("round", "PE of ROUNDxx whose immediate asks for none", "Unicorn", forms="ROUND[PS][SD]_*", kinds="mxcsr",
         when=met.is_inexact, ends_with_exact_float=True),
    Rule("denormals", "MXCSR's DE; MIN and MAX of denormals with DAZ; with FTZ, results near the smallest normal",
         "Unicorn does not collect DE, and flushes before it rounds",
         forms=f"{_ARITHMETIC} {_COMPARISONS} {_CONVERSIONS}", without="CVTDQ2PD_* ROUND* DPP*", kinds="mxcsr xmm",
         when=met.is_denormal, ends_with_exact_float=True),
    Rule("x87", "x87 stack faults, last bits of functions", "Unicorn does not look at tags", families="x87",
         without=_CONTROL, ends_with_exact_float=True),
)  # fmt: skip

SELDOM: Final = frozenset(rule.name for rule in _SELDOM)
RULES: Final = (*_OF_FORMS, *_CONDITIONS, *_SELDOM)


def rules_of(form: Form) -> list[Rule]:
    """Those that say it differs."""
    return [rule for rule in RULES if rule.is_of_forms and names_it(rule, form.name)]


def status(form: Form) -> str:
    """exact, exact-float (with that option only), refused, differs, or not compared."""
    if form.judge is Judge.UD:
        return "refused"
    if form.judge is Judge.NOBODY:
        return "not compared"
    if not rules_of(form):
        return "exact"
    return "exact-float" if form in exact_forms(True) else "differs"


@cache
def exact_forms(exact_float: bool) -> tuple[Form, ...]:
    """What sequences are made of, without and with --exact-float."""
    return tuple(
        form for form in forms()
        if form.judge is Judge.HOST
        and all(rule.in_sequences or (exact_float and rule.ends_with_exact_float) for rule in rules_of(form))
    )  # fmt: skip
