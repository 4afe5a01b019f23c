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
    "FRSTOR_M108* FLDENV_M28* FSCALE FSIN FXTRACT"
)

_CONDITIONS: Final = (
    Rule("two-segments", "FS or GS, and another segment prefix", "Unicorn takes the last", when=met.has_two_segments),
    Rule("contradictory", "66 with F2 or F3, or both of them", "Unicorn takes 66", when=met.has_contradictory_prefixes),
    Rule("alignment-check", "RFLAGS.AC", "the engine does not check", when=met.checks_alignment),
    Rule("stack-fault", "#SS of a non-canonical stack address", "Unicorn", when=met.is_stack_fault),
    Rule("fetch", "a fetch from an area without PROT_EXEC brings the page in first", "the kernel model does not",
         when=met.is_fetch),
    Rule("canonical-edge", "an operand across the end of the canonical addresses is #PF", "Unicorn splits it",
         when=met.crosses_canonical),
    Rule("narrow-address", "CR2 of an absolute address with 67", "it is rebuilt from operands", kinds="cr2 err",
         when=met.is_narrow),
)  # fmt: skip

_OF_FORMS: Final = (
    Rule("fault-word", "which word of a larger operand CR2 names, and what was stored before",
         "the manual does not say in which order they are accessed",
         forms="IRET* RETF* FXSAVE* FXRSTOR* FNSAVE* FNSTENV* FRSTOR* FLDENV* ENTER* CMPS?_M*", kinds="cr2 memory err"),
    Rule("two-strings", "which of two refused operands is the fault", "the manual does not say", forms="CMPS?_M*",
         kinds="signal err cr2", rarely=True),
    Rule("lock-bit", "the carry of LOCK BTS, BTR and BTC", "Unicorn", forms="BTS_* BTR_* BTC_*", kinds="flag",
         rarely=True),
    Rule("far-pointer-64", "far pointers of 10 bytes",
         "AMD's CPUs read 6 bytes in spite of REX.W; the machine follows Intel's manual",
         forms="CALL_M1664 JMP_M1664 LSS_R64_M1664 LFS_R64_M1664 LGS_R64_M1664"),
    Rule("far-return", "RET far with an immediate whose fault lies beyond it",
         "the manual does not say what is read first",
         forms="RETF*_IMM16"),
    Rule("compare-imm", "CMPPS, CMPPD with an immediate above 7 and a misaligned operand", "it is not checked",
         forms="CMPPS_* CMPPD_*", kinds="signal xmm mxcsr"),
    Rule("int1", "RIP and si_code of INT1", "a hypervisor may change what the host does; this follows the manual",
         forms="INT1"),
    Rule("cmpxchg", "CMPXCHG of 32 bits that fails clears the upper half of its register", "Unicorn",
         forms="CMPXCHG_RM32_R32"),
    Rule("call-push", "what CALL has pushed when it faults", "Unicorn stores before it looks", forms="CALL_RM64",
         kinds="memory"),
    Rule("two-halves", "the first half of an access across pages whose second half faults", "Unicorn does it in halves",
         forms="MOVUP?_* MOVDQU_* LDDQU_* MASKMOVDQU*", kinds="memory xmm", rarely=True),
    Rule("masked-store", "a refused page of which MASKMOVDQU writes nothing", "the manual leaves it to the processor",
         forms="MASKMOVDQU*", kinds="signal memory"),
    Rule("estimates", "RCPPS, RSQRTPS and their kin: the manual allows an error of 1.5 * 2^-12",
         "the machine's are exact, the host's are not", forms="RCPPS* RCPSS* RSQRT*", kinds="xmm mxcsr"),
    Rule("wide-load", "an access that is wider than the operand faults", "Unicorn",
         forms="ROUNDSD* ROUNDSS* CVTPS2PD_* CVTDQ2PD_* PUNPCKL*_MM_MMM32 FNSAVE_M94* FNSTENV_M14*",
         kinds="signal xmm st fsw ftw fcw memory", rarely=True),
    Rule("mov-rex", "MOV of an immediate behind REX.R is #UD", "Unicorn", forms="MOV_RM*_IMM*", rarely=True),
    Rule("count-zeros", "LZCNT and TZCNT behind an ignored REX are not BSR and BSF", "Unicorn has the features",
         forms="LZCNT* TZCNT*", rarely=True),
    Rule("sine", "the last bit of FSIN", "the manual allows one unit in the last place", forms="FSIN", rarely=True),
    Rule("two-nans", "which of two NaNs is the result", "Unicorn", forms=f"{_ARITHMETIC} {_COMPARISONS}", kinds="xmm",
         when=met.are_nans, rarely=True),
    Rule("mxcsr", "MXCSR's DE, DAZ and FTZ", "Unicorn does not keep them as the CPU does",
         forms=f"{_ARITHMETIC} {_COMPARISONS} {_CONVERSIONS}", when=met.is_floating_point),
    Rule("x87", "x87 stack faults, last bits of functions", "Unicorn does not look at tags", families="x87",
         without=_CONTROL),
)  # fmt: skip

RULES: Final = (*_CONDITIONS, *_OF_FORMS)


def rules_of(form: Form) -> list[Rule]:
    """Those that say it differs."""
    return [rule for rule in RULES if rule.is_of_forms and names_it(rule, form.name)]


def status(form: Form) -> str:
    """exact, refused, differs, or not compared."""
    if form.judge is Judge.UD:
        return "refused"
    if form.judge is Judge.NOBODY:
        return "not compared"
    return "differs" if rules_of(form) else "exact"


@cache
def exact_forms() -> tuple[Form, ...]:
    """What sequences are made of."""
    return tuple(
        form for form in forms()
        if form.judge is Judge.HOST and all(rule.in_sequences for rule in rules_of(form))
    )  # fmt: skip
