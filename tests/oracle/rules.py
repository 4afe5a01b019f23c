"""The rules, in the order they are asked."""

from __future__ import annotations

from functools import cache
from typing import Final

from tests.oracle import conditions as met
from tests.oracle.forms import Form, Judge, forms
from tests.oracle.known import Rule, names_it

_FLOATING_FORMS = (
    "ADD[PS][SD]_* SUB[PS][SD]_* MUL[PS][SD]_* DIV[PS][SD]_* SQRT[PS][SD]_* MIN[PS][SD]_* MAX[PS][SD]_* "
    "CMP[PS]S_* CMPPD_* CMPSD_XMM* *COMIS[SD]_* CVT* ROUND[PS][SD]_* DPP[SD]_* HADDP[SD]_* HSUBP[SD]_* ADDSUBP[SD]_*"
)
_FLOATING = "mxcsr signal xmm register err st memory flag"
_MMX = "st fsw ftw mxcsr signal xmm"
_CR2 = "cr2 err"

_CONDITIONS: Final = (
    Rule("lock", "LOCK before what cannot be locked", "Unicorn ends the process, or says #UD late", when=met.is_locked),
    Rule("two-segments", "FS or GS, and another segment prefix", "Unicorn takes the last", when=met.has_two_segments),
    Rule("contradictory", "66 with F2 or F3, or both of them", "Unicorn takes 66", when=met.has_contradictory_prefixes),
    Rule("alignment-check", "RFLAGS.AC", "the engine does not check", when=met.checks_alignment),
    Rule("stack-fault", "a non-canonical stack address is #GP, not #SS", "Unicorn", when=met.is_stack_fault),
    Rule("fetch", "a fetch from an area without PROT_EXEC brings the page in first", "the kernel model does not",
         when=met.is_fetch),
    Rule("canonical-edge", "an operand across the end of the canonical addresses is #PF", "Unicorn splits it",
         when=met.crosses_canonical),
    Rule("far-branch", "a branch to a non-canonical address is #GP at its target", "the engine has already jumped",
         when=met.branches_beyond),
    Rule("run-alone", "flags around LDMXCSR, STMXCSR, and SSE operands whose alignment is checked",
         "what runs alone forgets flags that were not computed yet", kinds="flag register memory rip",
         when=met.is_run_alone),
    Rule("narrow-address", "CR2 of an absolute address with 67 is the page's start", "it is rebuilt from operands",
         kinds=_CR2, when=met.is_narrow),
)  # fmt: skip

_OF_FORMS: Final = (
    Rule("fault-word", "which word of a larger operand CR2 names, and what was stored before",
         "the manual does not say in which order they are accessed",
         forms="IRET* RETF* FXSAVE* FXRSTOR* FNSAVE* FNSTENV* FRSTOR* FLDENV* ENTER* CMPS?_M* RCL_RM* RCR_RM*",
         kinds="cr2 memory err"),
    Rule("far-pointer-64", "far pointers of 10 bytes",
         "AMD's CPUs read 6 bytes in spite of REX.W; the machine follows Intel's manual", forms="*_M1664"),
    Rule("return", "RET with an immediate above 7FFF", "Unicorn extends its sign", forms="RETNQ_IMM16 RETF*_IMM16"),
    Rule("compare-imm", "CMPPS and its kin with immediates above 7 are #UD", "Unicorn does not know them",
         forms="CMPPS_* CMPPD_* CMPSS_* CMPSD_XMM*", kinds="signal xmm"),
    Rule("int1", "si_code of INT1", "the kernel model takes it for a single step", forms="INT1"),
    Rule("string-lengths", "lengths of PCMPESTRI and PCMPESTRM that are INT_MIN", "Unicorn reads beyond its operands",
         forms="PCMPESTR*"),
    Rule("lazy-flags", "flags after LOOPE and LOOPNE, or a SETcc whose store faults, behind what set the flags",
         "Unicorn computes them and forgets that it did", forms="SET*_RM8 LOOPE_* LOOPNE_*",
         kinds="flag memory register", in_sequences=True),
    Rule("cmpxchg", "CMPXCHG of 32 bits that fails clears the upper half of its register", "Unicorn",
         forms="CMPXCHG_RM32_R32"),
    Rule("rip-relative", "SHLD and SHRD with an immediate, of a RIP-relative operand", "Unicorn forgets a byte",
         forms="SHLD_*IMM8 SHRD_*IMM8"),
    Rule("call-push", "what CALL has pushed when it faults", "Unicorn stores before it looks", forms="CALL_RM64",
         kinds="memory"),
    Rule("two-nans", "which of two NaNs is the result", "Unicorn", forms=_FLOATING_FORMS, kinds="xmm",
         when=met.are_nans),
    Rule("two-halves", "the first half of an access across pages whose second half faults", "Unicorn does it in halves",
         forms="MOVUP?_* MOVDQU_* LDDQU_* MASKMOVDQU*", kinds="memory xmm"),
    Rule("masked-store", "a refused page of which MASKMOVDQU writes nothing", "the manual leaves it to the processor",
         forms="MASKMOV*", kinds="signal memory"),
    Rule("estimates", "RCPPS, RSQRTPS and their kin: the manual allows an error of 1.5 * 2^-12",
         "the machine's are exact, the host's are not", forms="RCPPS* RCPSS* RSQRT*", kinds="xmm mxcsr"),
    Rule("fx-areas", "FXRSTOR, LDMXCSR: reserved bits", "Unicorn does not check", forms="FXRSTOR* LDMXCSR*"),
    Rule("horizontal", "PHADD and PHSUB of a register with itself", "Unicorn reads what it has just written",
         forms="PHADD*_XMM_* PHSUB*_XMM_*", kinds="xmm"),
    Rule("flags-rex", "LAHF and SAHF with a REX prefix", "Unicorn takes SPL for AH", forms="LAHF SAHF"),
    Rule("round-double", "ROUNDSD, CVTPS2PD read 16 bytes", "Unicorn", forms="ROUNDSD* ROUNDSS* CVTPS2PD_*",
         kinds="signal xmm"),
    Rule("lost-selector", "a segment register loaded before a fault", "the signal forgets it", forms="MOV_SREG*",
         kinds="segment", in_sequences=True),
    Rule("mxcsr", "MXCSR's flags, #XM, DAZ and FTZ", "Unicorn keeps none", forms=_FLOATING_FORMS, kinds=_FLOATING,
         when=met.is_floating_point),
    Rule("mmx", "what MMX instructions do to the x87 state", "Unicorn forgets some of it", families="MMX",
         forms="CVTPI2P*", kinds=_MMX),
    Rule("x87", "x87 exceptions, stack faults, last bits of functions", "Unicorn keeps few flags", families="x87"),
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
