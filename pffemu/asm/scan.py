"""A fast scan of a basic block's instructions by iced-x86, which knows every encoding's length, features and privilege.

Capstone is used for text; lengths come from here, also those of encodings that capstone does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from iced_x86 import (
    Code,
    CpuidFeature,
    Decoder,
    DecoderError,
    EncodingKind,
    Instruction,
    MemorySizeExt,
    Mnemonic,
    OpCodeInfo,
    OpKind,
)

from pffemu.arch.encodings import MAX_INSTRUCTION

INVALID: Final = Code.INVALID
MEMORY, LOCK, REP, REPNE, SEGMENT = 1, 2, 4, 8, 16  # traits
TRAITS: Final = 5  # bits of a key that are traits
_MEMORY: Final = OpKind.MEMORY
PREFIXES: Final = frozenset(b"\xf0\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x66\x67")  # legacy ones
STRING_OPCODES: Final = frozenset((*range(0x6C, 0x70), *range(0xA4, 0xA8), *range(0xAA, 0xB0)))


class Scanned(NamedTuple):
    """One instruction. `form`: iced's Code, for `form_of`, or INVALID. `key`: form and traits in one number."""

    offset: int
    size: int
    form: int
    key: int


_STORES_BEHIND_RDI: Final = (Mnemonic.MASKMOVQ, Mnemonic.MASKMOVDQU)
_ADDRESS_SIZE: Final = 0x67
_IS_REX: Final = 0xF0
_REX: Final = 0x40


@dataclass(frozen=True, slots=True)
class Form:
    """The static properties of an opcode. Names are iced's, as CMPXCHG_RM32_R32 or SSE4_1."""

    name: str
    mnemonic: str
    features: frozenset[str]  # CPUID bits that all have to be set
    privileged: bool  # #GP outside ring 0
    memory_size: int  # bytes of its memory operand; 0: there is none, or the opcode alone does not tell
    legacy: bool  # neither VEX nor EVEX nor XOP nor 3DNow
    accesses_memory: bool  # also without a memory operand: stack and string instructions


def _scan(code: bytes) -> Iterator[Scanned]:
    for instruction in Decoder(64, code):
        form = instruction.code
        traits = MEMORY if instruction.op0_kind == _MEMORY or instruction.op1_kind == _MEMORY else 0
        offset = instruction.ip
        if is_prefixed(code, offset):
            traits |= _prefix_traits(instruction)
        yield Scanned(offset, instruction.len, form, form << TRAITS | traits)
        if form == INVALID:
            return


def is_prefixed(code: bytes, at: int = 0) -> bool:
    """Whether the instruction at that offset has a prefix besides a single REX."""
    first = code[at]
    if first & _IS_REX != _REX or at + 1 == len(code):
        return first in PREFIXES
    return code[at + 1] in PREFIXES or code[at + 1] & _IS_REX == _REX


def prefixes_at(code: bytes, at: int) -> bytes:
    """The prefixes of the instruction at that offset, every REX among them."""
    end = at
    while end < len(code) and (code[end] in PREFIXES or code[end] & _IS_REX == _REX):
        end += 1
    return code[at:end]


def _prefix_traits(instruction: Any) -> int:
    traits = LOCK if instruction.has_lock_prefix else 0
    traits |= REP if instruction.has_rep_prefix else 0
    traits |= REPNE if instruction.has_repne_prefix else 0
    return traits | (SEGMENT if instruction.segment_prefix else 0)


def repeats(code: bytes) -> bool:
    """Whether `code` begins with a string instruction behind F2 or F3 (SDM vol. 2, REP/REPE/REPNE)."""
    instruction = next(iter(Decoder(64, code)), None)
    return instruction is not None and (
        instruction.is_string_instruction and (instruction.has_rep_prefix or instruction.has_repne_prefix)
    )


def is_locked(code: bytes) -> bool:
    """Whether `code` begins with a valid instruction behind LOCK."""
    return bool(Decoder(64, code).decode().has_lock_prefix)


def branches_near(code: bytes) -> bool:
    """Whether `code` begins with a near jump or call to a stated target, at most behind 67."""
    if code[0] in PREFIXES and code[0] != _ADDRESS_SIZE:
        return False
    instruction = Decoder(64, code).decode()
    near = instruction.is_jcc_short_or_near or instruction.is_jmp_short_or_near or instruction.is_call_near
    return bool(near and not instruction.has_repne_prefix)


@lru_cache(maxsize=1 << 15)
def scan(code: bytes) -> tuple[Scanned, ...]:
    """Every instruction of `code`; an invalid encoding is the last one."""
    return tuple(_scan(code))


def first(code: bytes) -> Scanned | None:
    """The first instruction of `code`; None when `code` is empty."""
    return next(iter(scan(code[:MAX_INSTRUCTION])), None)


def last_in(block: bytes) -> tuple[int, int]:
    """(offset of the last instruction of `block`, what it adds to RSP; 0 where that depends on its operands)."""
    offset = scan(block)[-1].offset
    return offset, Decoder(64, block[offset:]).decode().stack_pointer_increment


def runs_out_of_bytes(code: bytes) -> bool:
    """Whether `code` is the beginning of one instruction that could be valid, without its end."""
    decoder = Decoder(64, code)
    decoder.decode()
    return bool(decoder.last_error == DecoderError.NO_MORE_BYTES)


@cache
def form_of(form: int) -> Form:
    """The Form of an iced Code."""
    info, instruction = OpCodeInfo(form), Instruction()
    instruction.code = form
    return Form(
        name=_names(Code)[form],
        mnemonic=_names(Mnemonic)[info.mnemonic].lower(),
        features=frozenset(_names(CpuidFeature)[feature] for feature in instruction.cpuid_features()),
        privileged=info.must_be_cpl0,
        memory_size=MemorySizeExt.size(info.memory_size),
        legacy=info.encoding == EncodingKind.LEGACY,
        accesses_memory=instruction.is_stack_instruction
        or instruction.is_string_instruction
        or instruction.mnemonic in _STORES_BEHIND_RDI,
    )


@cache
def _names(enum: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}
