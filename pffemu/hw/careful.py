"""The table of careful instructions: those that Unicorn does not execute as the CPU does, always or in some states.

The core looks here when a block is first translated. A row says when the engine may execute the instruction after all
(`exact`); otherwise the machine does, with the file of `hw.insns` that the row names, or raises the row's trap.
docs/quirks.md lists the differences that no row can remove, docs/instructions.md every form.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.exceptions import GP, UD
from pffemu.asm.scan import (
    INVALID,
    LOCK,
    MEMORY,
    TRAITS,
    Form,
    Scanned,
    first,
    form_of,
    is_prefixed,
    runs_out_of_bytes,
    scan,
)
from pffemu.asm.upper_half import is_clear_before
from pffemu.engine.careful_code import Quick
from pffemu.hw import float_rows
from pffemu.hw.careful_conditions import (
    always,
    gate_of_ring_3,
    has_no_rex,
    is_not_rip_relative,
    keeps_alignment_check,
    leaves_room,
    lengths_fit,
    operands_are_aligned,
    operands_present,
    releases_little,
    searches_no_string,
    upper_half_is_zero,
    upper_halves_are_zero,
    vector_is_aligned,
    wide_operand_is_present,
)
from pffemu.hw.careful_row import Row
from pffemu.hw.cpuid import FEATURES
from pffemu.hw.float_rows import EXACT_FLOAT, UNMASKED_SSE, UNMASKED_X87
from pffemu.hw.prefixes import prefixes_of
from pffemu.hw.substitutes import has_meaningless_rex, substitute
from pffemu.hw.trap import Trap

# bits of `checks`: checks that a core makes only when needed, because they cost time
VECTOR_ALIGNMENT: Final = 1  # 16-byte operands of SSE
ALIGNMENT: Final = 2  # EFLAGS.AC is set


_INVALID_OPCODE: Final = Row(trap=Trap(UD))
_PRIVILEGED: Final = Row(trap=Trap(GP))
_TOO_LONG: Final = Row(trap=Trap(GP))
_ALONE: Final = Row("alone")
# encodings that a CPU without the feature executes as a no-operation, or as an older instruction
_WITHOUT_FEATURE: Final = ("ENDBR", "RDSSP", "BND", "CLDEMOTE", "PREFETCH", "TZCNT", "LZCNT")
# in ring 3 with IOPL 0, I/O and CLI/STI are #GP; so are SYSENTER without a code segment and RDPMC without CR4.PCE
_REFUSED_IN_RING_3: Final = frozenset(
    {"in", "out", "insb", "insw", "insd", "outsb", "outsw", "outsd", "cli", "sti", "sysenter", "rdpmc", "wbnoinvd"}
)
_UNDEFINED: Final = frozenset({"ud0", "ud1", "ud2"})
_BY_MNEMONIC: Final[dict[str, Row]] = {
    **dict.fromkeys(("lar", "lsl", "verr", "verw", "lss", "lfs", "lgs"), Row("segments")),
    **dict.fromkeys(("retf", "iret", "iretd", "iretq"), Row("segments")),
    **dict.fromkeys(("sgdt", "sidt", "sldt", "str", "smsw"), Row("umip")),
    **dict.fromkeys(("popf", "popfq"), Row("popf", exact=keeps_alignment_check)),
    "int1": Row("int1"),
    **dict.fromkeys(("lahf", "sahf"), Row("alone", exact=has_no_rex)),
    "enter": Row("enter", exact=leaves_room),
    **dict.fromkeys(("loope", "loopne"), Row("near_branch")),
}
_BY_NAME: Final[dict[str, Row]] = {
    "INT_IMM8": Row("int_n", exact=gate_of_ring_3),
    "CMPXCHG_RM32_R32": Row("cmpxchg", exact=upper_half_is_zero),
    "CMPXCHG8B_M64": Row("cmpxchg"),
    "CMPXCHG16B_M128": Row("cmpxchg"),
    "RETNQ_IMM16": Row("near_branch", exact=releases_little),
    "CLFLUSH_M8": Row("alone", exact=operands_present),
    "PCMPESTRI_XMM_XMMM128_IMM8": Row("pcmpxstr", exact=lengths_fit),
    "PCMPESTRM_XMM_XMMM128_IMM8": Row("pcmpxstr", exact=lengths_fit),
    "PCMPISTRI_XMM_XMMM128_IMM8": Row("pcmpxstr", exact=searches_no_string),
    "PCMPISTRM_XMM_XMMM128_IMM8": Row("pcmpxstr", exact=searches_no_string),
    "PCMPESTRI64_XMM_XMMM128_IMM8": Row("pcmpxstr"),
    "PCMPESTRM64_XMM_XMMM128_IMM8": Row("pcmpxstr"),
}
_BY_START: Final[dict[str, Row]] = {
    **dict.fromkeys(("MOV_SREG_", "POPW_FS", "POPQ_FS", "POPW_GS", "POPQ_GS", "JMP_M16", "CALL_M16"), Row("segments")),
    "RESERVEDNOP": Row("nop"),
}
_TEST_ALIASES: Final = ("_F6R1", "_F7R1")
_READ_WIDE: Final = frozenset(
    {"CVTPS2PD_XMM_XMMM64", "CVTDQ2PD_XMM_XMMM64", "ROUNDSD_XMM_XMMM64_IMM8", "ROUNDSS_XMM_XMMM32_IMM8"}
)
_READ_TWICE: Final = frozenset({"PUNPCKLBW_MM_MMM32", "PUNPCKLWD_MM_MMM32", "PUNPCKLDQ_MM_MMM32"})
_SHIFTS_BY_IMMEDIATE: Final = frozenset(
    f"{name}_RM{bits}_R{bits}_IMM8" for name in ("SHLD", "SHRD") for bits in (16, 32, 64)
)
_CARRY_IN: Final = frozenset({"rcl", "rcr"})
_NEAR_BRANCHES: Final = ("CALL_REL32_64", "JMP_REL", "CALL_RM64", "JMP_RM64", "RETNQ", "LOOP", "JRCXZ", "JECXZ")
_CONDITIONAL: Final = ("_REL8_64", "_REL32_64")
_UNALIGNED_VECTORS: Final = ("MOVUPS", "MOVUPD", "MOVDQU", "LDDQU", "PCMPESTR", "PCMPISTR", "CMPXCHG16B", "BND")
_INTERRUPTS: Final = ("int3", "int")  # their prefixes have no effect
_SIZES: Final = b"\x66\x67"
_VEX: Final = (b"\xc4", b"\xc5")
_EVEX: Final = b"\x62"
_POP: Final = b"\x8f"  # with ModRM.reg = 0; else an XOP prefix on some CPUs
_REG: Final = 0x38  # of ModRM
_VECTOR: Final = 16  # bytes


def row_of(form: Form, traits: int, checks: int) -> Row | None:
    """The row of an opcode with these traits (asm.scan). None: the engine always executes it correctly."""
    found = _row_of_form(form, traits, checks)
    accesses = bool(traits & MEMORY) or form.accesses_memory
    return _aligned_too(found) if found is not None and accesses and checks & ALIGNMENT else found


def _row_of_form(form: Form, traits: int, checks: int) -> Row | None:
    refused = _refused(form)
    if refused is not None or form.features == {"UINTR"}:  # Unicorn stops at those by itself
        return refused
    memory = bool(traits & MEMORY)
    if memory and (form.mnemonic in _CARRY_IN or form.mnemonic.startswith("set")):
        return Row("alone", exact=always)
    if not memory and form.name == "CMPXCHG_RM32_R32":
        return Row("cmpxchg", exact=upper_halves_are_zero)
    if memory and form.name in _READ_WIDE and not checks & (UNMASKED_SSE | EXACT_FLOAT):
        return Row("sse_arithmetic", exact=wide_operand_is_present)
    if memory and form.name in _READ_TWICE and not checks & UNMASKED_X87:
        return Row("unpack")
    if memory and form.name in _SHIFTS_BY_IMMEDIATE:
        return Row("alone", exact=is_not_rip_relative)
    if (traits & LOCK and form.mnemonic == "neg") or form.name.endswith(_TEST_ALIASES):
        return _ALONE
    found = _BY_MNEMONIC.get(form.mnemonic) or _BY_NAME.get(form.name)
    if found is None:
        found = next((row for start, row in _BY_START.items() if form.name.startswith(start)), None)
    return found or float_rows.row_of(form, checks) or _check_row(form, memory, checks)


def _aligned_too(row: Row) -> Row:
    """The row while EFLAGS.AC is set; its executor checks the operands first (hw.insns)."""
    exact = row.exact
    return row if exact is None else row._replace(exact=lambda at: operands_are_aligned(at) and exact(at))


def _refused(form: Form) -> Row | None:
    if form.mnemonic in _REFUSED_IN_RING_3:
        return _PRIVILEGED
    if not form.features <= FEATURES and not form.name.startswith(_WITHOUT_FEATURE):
        return _INVALID_OPCODE
    if form.privileged:
        return _PRIVILEGED
    return _INVALID_OPCODE if form.mnemonic in _UNDEFINED else None


def _check_row(form: Form, memory: bool, checks: int) -> Row | None:
    if checks & ALIGNMENT and (memory or form.accesses_memory):
        return Row("aligned", exact=operands_are_aligned)
    vector = memory and form.memory_size == _VECTOR and form.legacy and not form.name.startswith(_UNALIGNED_VECTORS)
    return Row("aligned", exact=vector_is_aligned) if vector and checks & VECTOR_ALIGNMENT else None


def needs_alignment(code: bytes) -> bool:
    """Whether the instruction has a 16-byte operand that must be aligned."""
    instruction = first(code)
    if instruction is None or not instruction.key & MEMORY:
        return False
    return _check_row(form_of(instruction.form), True, VECTOR_ALIGNMENT) is not None


def _row_of_bytes(code: bytes, form: Form) -> Row | None:
    """The row of an instruction that Unicorn decodes differently from the CPU; `code`: the whole instruction."""
    if form.name.startswith(_NEAR_BRANCHES) or form.name.endswith(_CONDITIONAL):
        prefixes = prefixes_of(code)
        ignored = prefixes.operand_size and not prefixes.rex_w
        return Row("near_branch") if ignored or substitute(code) is not None else None
    if form.mnemonic in _INTERRUPTS:
        return None
    return _ALONE if substitute(code) is not None else None


@cache
def _row_of_key(key: int, checks: int) -> Row | None:
    traits = key & (1 << TRAITS) - 1
    return row_of(form_of(key >> TRAITS), traits, checks)


@lru_cache(maxsize=4096)
def row(code: bytes, checks: int = 0) -> Row | None:
    """The row of the first instruction of `code` (up to 15 bytes); None when `code` is empty."""
    instruction = first(code)
    return None if instruction is None else _row(instruction, code, checks)


def _row(instruction: Scanned, code: bytes, checks: int) -> Row | None:
    if instruction.form == INVALID:
        return _TOO_LONG if len(code) >= MAX_INSTRUCTION and _is_cut(code[:MAX_INSTRUCTION]) else _INVALID_OPCODE
    found = _row_of_key(instruction.key, checks)
    if float_rows.has_encodings(instruction.form) and (found is None or found.exact is not None):
        found = float_rows.row_of_encoding(form_of(instruction.form), code[: instruction.size]) or found
    if (found is None or found.exact is not None) and (is_prefixed(code) or has_meaningless_rex(code)):
        other = _row_of_bytes(code[: instruction.size], form_of(instruction.form))
        if other is _ALONE and found is not None:
            return found._replace(exact=None)  # its executor runs other bytes if necessary, or none
        return other or found
    return found


def _is_cut(code: bytes) -> bool:
    """Whether an instruction that is invalid in 15 bytes is longer than 15 bytes."""
    prefixes = prefixes_of(code)
    if code[prefixes.end : prefixes.end + 1] == _EVEX and prefixes.end + 1 < len(code):
        return False  # #UD, whatever its length
    if code[prefixes.end : prefixes.end + 1] == _POP and any(octet & _REG for octet in code[prefixes.end + 1 :][:1]):
        return False
    is_vex = code[prefixes.end : prefixes.end + 1] in _VEX  # behind 66 it is #UD, but its length is checked first
    if is_vex and prefixes.rex:
        return False  # #UD, whatever its length
    sizes = b"" if is_vex else bytes(octet for octet in prefixes.legacy if octet in _SIZES)
    rest = sizes + prefixes.rex + code[prefixes.end :]
    starts = (b"", *(bytes((octet,)) for octet in prefixes.repeats))  # with any of them, the length is checked first
    return prefixes.end == len(code) or any(runs_out_of_bytes(start + rest) for start in starts)


@lru_cache(maxsize=1 << 15)
def careful_offsets(block: bytes, size: int, checks: int) -> tuple[tuple[int, Quick], ...]:
    """Offsets of a block's careful instructions, and the conditions under which the engine need not ask about them.

    Between two of them every instruction counts as one that saves its flags. `block`: its `size` bytes, and further
    ones where its last instruction is cut off.
    """
    found = [
        (instruction.offset, _quick(instruction, block, checks))
        for instruction in scan(block)
        if instruction.offset < size
    ]
    places = [i for i, (_, quick) in enumerate(found) if quick is not None]
    if len(places) > 1:  # for a hook the engine updates flags only if they are of another kind than at the last one
        for i in range(places[0], places[-1]):
            offset, quick = found[i]
            found[i] = offset, Quick.ALWAYS if quick is None else quick
    return tuple((offset, quick) for offset, quick in found if quick is not None)


def _quick(instruction: Scanned, block: bytes, checks: int) -> Quick | None:
    """The Quick condition of a careful instruction; None: it is not careful."""
    row = _row(instruction, block[instruction.offset :], checks)
    if row is None:
        return None
    if row.exact is upper_half_is_zero:
        return None if is_clear_before(block, instruction.offset) else Quick.EAX_IS_RAX
    return Quick.ALWAYS if row.exact is always else Quick.NEVER
