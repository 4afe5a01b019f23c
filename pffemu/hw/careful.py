"""The table of careful instructions: those that Unicorn does not execute as the CPU does, always or in some states.

The core looks here when a block is first translated. A row says when the engine may execute the instruction after all
(`exact`); otherwise the machine does, with the file of `hw.insns` that the row names, or raises the row's trap.
What no row can mend is listed in docs/quirks.md, and every form in docs/instructions.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, NamedTuple, Protocol

from pffemu.arch.exceptions import GP, UD
from pffemu.asm.scan import INVALID, MEMORY, PREFIXES, TRAITS, Form, Scanned, first, form_of, scan
from pffemu.hw.cpuid import FEATURES
from pffemu.hw.fault_address import effective_address, operands_of
from pffemu.hw.mmu import USER, WRITE, Mmu
from pffemu.hw.prefixes import prefixes_of, rearranged
from pffemu.hw.trap import Trap

_MASK: Final = (1 << 64) - 1
_HALF: Final = 1 << 32


class Registers(Protocol):
    def __getitem__(self, name: str) -> int: ...


class At(NamedTuple):
    """An instruction that guest code is in front of. `code`: its bytes and what follows, up to 15."""

    registers: Registers
    mmu: Mmu
    rip: int
    code: bytes


class Row(NamedTuple):
    """`executor`: the name in hw.insns.EXECUTORS; "" when `trap` says what the instruction raises."""

    executor: str = ""
    trap: Trap | None = None
    exact: Callable[[At], bool] | None = None


def operands_present(at: At) -> bool:
    """Whether every access of the instruction succeeds: Unicorn loses flags in some instructions that fault."""
    return first_fault(at) is None


def first_fault(at: At) -> Trap | None:
    """The trap of the first memory operand that cannot be accessed."""
    operands = operands_of(at.code)
    for operand in dict.fromkeys((*operands.loads, *operands.stores)):
        start = effective_address(operand, at.registers, at.rip + operands.size)
        access = USER | (WRITE if operand.write else 0)
        for address in sorted({start, start + max(operand.size, 1) - 1 & _MASK}):
            place = at.mmu.translate(address, access, update=False)
            if isinstance(place, Trap):
                return place
    return None


_INVALID_OPCODE: Final = Row(trap=Trap(UD))
_PRIVILEGED: Final = Row(trap=Trap(GP))
# encodings that a CPU without the feature executes as a no-operation, or as an older instruction
_WITHOUT_FEATURE: Final = ("ENDBR", "RDSSP", "BND", "CLDEMOTE", "PREFETCH", "TZCNT", "LZCNT")
# ring 3 has neither I/O ports nor, with IOPL 0, the interrupt flag; SYSENTER finds no code segment, RDPMC no CR4.PCE
_REFUSED_IN_RING_3: Final = frozenset(
    {"in", "out", "insb", "insw", "insd", "outsb", "outsw", "outsd", "cli", "sti", "sysenter", "rdpmc", "wbnoinvd"}
)
_UNDEFINED: Final = frozenset({"ud0", "ud1", "ud2"})
_SEGMENTS: Final = frozenset({"lar", "lsl", "verr", "verw", "lss", "lfs", "lgs", "retf", "iret", "iretd", "iretq"})
_SYSTEM: Final = frozenset({"sgdt", "sidt", "sldt", "str", "smsw"})
_CARRY_IN: Final = frozenset({"rcl", "rcr"})


def row_of(form: Form, memory: bool) -> Row | None:
    """The row of an opcode; `memory`: it has a memory operand. None: the engine executes it rightly, always."""
    mnemonic = form.mnemonic
    if not form.features <= FEATURES:
        if form.features == {"UINTR"}:
            return None  # Unicorn stops there by itself
        if mnemonic in _REFUSED_IN_RING_3:
            return _PRIVILEGED
        return None if form.name.startswith(_WITHOUT_FEATURE) else _INVALID_OPCODE
    if form.privileged or mnemonic in _REFUSED_IN_RING_3:
        return _PRIVILEGED
    if mnemonic in _UNDEFINED:
        return _INVALID_OPCODE
    if mnemonic in _SEGMENTS or form.name.startswith(_SEGMENT_FORMS):
        return Row("segments")
    if mnemonic in _SYSTEM:
        return Row("system")
    if mnemonic in _CARRY_IN and memory:
        return Row("probe", exact=operands_present)
    return _BY_NAME.get(form.name)


def _gate_of_ring_3(at: At) -> bool:
    """INT n: ring 3 may use the gates of #BP and #OF."""
    instruction = first(at.code)
    return instruction is not None and at.code[instruction.size - 1] in (3, 4)


def _upper_half_is_zero(at: At) -> bool:
    """CMPXCHG r/m32 clears the upper half of RAX in Unicorn, also when the CPU does not write EAX."""
    return at.registers["rax"] < _HALF


_SEGMENT_FORMS: Final = ("MOV_SREG_", "POPW_FS", "POPQ_FS", "POPW_GS", "POPQ_GS", "JMP_M16", "CALL_M16")
_BY_NAME: Final[dict[str, Row]] = {
    "INT_IMM8": Row("int_n", exact=_gate_of_ring_3),
    "INT1": Row("int1"),
    "CMPXCHG_RM32_R32": Row("cmpxchg", exact=_upper_half_is_zero),
    "CMPXCHG8B_M64": Row("cmpxchg"),
    "CMPXCHG16B_M128": Row("cmpxchg"),
}


_NEAR_BRANCHES: Final = ("CALL_REL32_64", "JMP_REL", "CALL_RM64", "JMP_RM64", "RETNQ", "LOOP", "JRCXZ", "JECXZ")
_CONDITIONAL: Final = ("_REL8_64", "_REL32_64")


def _prefix_row(code: bytes, form: Form) -> Row | None:
    """The row of an instruction whose prefixes Unicorn reads otherwise than the CPU; `code`: the instruction, whole."""
    if form.name.startswith(_NEAR_BRANCHES) or form.name.endswith(_CONDITIONAL):
        prefixes = prefixes_of(code)
        return Row("near_branch") if prefixes.operand_size and not prefixes.rex_w else None
    return Row("alone") if rearranged(code) is not None else None


@cache
def _row_of_key(key: int) -> Row | None:
    return row_of(form_of(key >> TRAITS), bool(key & MEMORY))


def row(code: bytes) -> Row | None:
    """The row of the instruction that `code` (up to 15 bytes) starts with; None of no bytes."""
    instruction = first(code)
    return None if instruction is None else _row(instruction, code)


def _row(instruction: Scanned, code: bytes) -> Row | None:
    if instruction.form == INVALID:
        return _INVALID_OPCODE
    found = _row_of_key(instruction.key)
    if found is None and code[0] in PREFIXES:
        return _prefix_row(code[: instruction.size], form_of(instruction.form))
    return found


@lru_cache(maxsize=1 << 15)
def careful_offsets(block: bytes, size: int) -> tuple[int, ...]:
    """Where the careful instructions of a block are; `block`: its `size` bytes, and more where its last one is cut."""
    return tuple(
        instruction.offset
        for instruction in scan(block)
        if instruction.offset < size and _row(instruction, block[instruction.offset :]) is not None
    )
