"""The table of forms: every instruction of 64-bit mode that iced knows, and what this machine's CPUID says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from iced_x86 import Code, CpuidFeature, EncodingKind, Instruction, OpCodeInfo, OpCodeOperandKind

_CLAIMED: Final = (
    *("INTEL8086", "INTEL186", "INTEL286", "INTEL386", "INTEL486", "X64", "CPUID", "FPU", "FPU287", "FPU387", "CMOV"),
    *("MMX", "FXSR", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4_1", "SSE4_2", "PCLMULQDQ", "AES", "POPCNT", "CX8"),
    *("CMPXCHG16B", "MULTIBYTENOP", "PAUSE", "CLFSH", "MSR", "SYSCALL", "SEP", "TSC", "RDTSCP", "RDPMC", "UINTR"),
    *("SMM", "PREFETCHW"),
)
# No-operations, or another instruction, where the feature is not there (SDM vol. 2, "If CPUID ... reports").
_HINTS: Final = ("MPX", "CET_IBT", "CLDEMOTE", "PREFETCHWT1", "PREFETCHITI", "LZCNT", "BMI1", "WBNOINVD", "HLE_OR_RTM")
_RDSSP: Final = ("RDSSPD_R32", "RDSSPQ_R64")


class Judge(Enum):
    """What decides the right result of a form."""

    HOST = "host"  # the host's CPU
    UD = "ud"  # CPUID does not claim it: #UD
    NOBODY = "nobody"  # what it does depends on the system, or would harm it


# The answer is the machine's own (time, CPUID), the system's (system calls, UMIP), or the hypervisor's.
_NOT_HERE: Final = frozenset((
    *("CPUID", "RDTSC", "RDTSCP", "RDPMC", "SYSCALL", "SYSENTER", "SYSEXIT", "SYSRET"),
    *("SGDT", "SIDT", "SLDT", "STR", "SMSW", "LSL", "LAR", "VERR", "VERW"),
    *("CLUI", "STUI", "TESTUI", "UIRET", "SENDUIPI"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """One of iced's codes."""

    name: str
    code: int
    kinds: tuple[int, ...]  # of its operands
    judge: Judge
    lockable: bool
    repeatable: bool


def _numbers(kind: Any) -> dict[str, int]:
    return {name: value for name, value in vars(kind).items() if name.isupper() and isinstance(value, int)}


CODE_NAMES: Final = {value: name for name, value in _numbers(Code).items()}
_FEATURES: Final = _numbers(CpuidFeature)
FEATURE_NAMES: Final = {value: name for name, value in _FEATURES.items()}
KIND: Final = _numbers(OpCodeOperandKind)
CLAIMED: Final = frozenset(_FEATURES[name] for name in _CLAIMED)
HINTS: Final = frozenset(_FEATURES[name] for name in _HINTS)


@cache
def forms() -> tuple[Form, ...]:
    """Every form, in iced's order."""
    made = []
    for code, name in sorted(CODE_NAMES.items()):
        info = OpCodeInfo(code)
        if info.is_instruction and info.mode64 and info.intel_decoder64:
            kinds = tuple(info.op_kinds())
            made.append(Form(name, code, kinds, judge(code), info.can_use_lock_prefix, info.can_use_rep_prefix))
    return tuple(made)


@cache
def judge(code: int) -> Judge:
    """By the features and the mnemonic of a code."""
    name = CODE_NAMES[code]
    if name.split("_")[0] in _NOT_HERE:
        return Judge.NOBODY
    features = Instruction.create(code).cpuid_features()
    if OpCodeInfo(code).encoding != EncodingKind.LEGACY:
        return Judge.UD
    if all(feature in CLAIMED or feature in HINTS for feature in features) or name in _RDSSP:
        return Judge.HOST
    return Judge.UD
