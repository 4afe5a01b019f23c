"""Cases at random, the same ones for the same seed: single instructions, and sequences that read nothing undefined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any, Final

from iced_x86 import (
    CpuidFeature,
    Decoder,
    DecoderError,
    DecoderOptions,
    FlowControl,
    InstructionInfoFactory,
    Mnemonic,
    OpAccess,
    Register,
    RegisterExt,
)

from tests.oracle import aim, encode, layout, values
from tests.oracle.cases import Case, address_of
from tests.oracle.forms import CODE_NAMES, Form, Judge, forms, judge
from tests.oracle.layout import GENERAL
from tests.oracle.undefined import (
    flags_left_undefined,
    has_undefined_result,
    leaves_codes_undefined,
    may_leave_target_undefined,
    reads_codes,
)

_REFUSED_SHARE: Final = 0.06
_RANDOM_SHARE: Final = 0.06
_PLAIN_SHARE: Final = 0.6  # of cases with an x87 and SSE state without peculiarities
_TRIES: Final = 200
_BRANCHES: Final = (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH, FlowControl.CALL)
_NEAR: Final = (*_BRANCHES, FlowControl.INDIRECT_BRANCH, FlowControl.INDIRECT_CALL, FlowControl.RETURN)
_FAR: Final = ("_M16", "RETF", "IRET")
_LOOPS: Final = (Mnemonic.LOOP, Mnemonic.LOOPE, Mnemonic.LOOPNE)
_KEPT: Final = (Register.RBX, Register.RBP, Register.RSP)  # by a sequence, for its memory operands
_WRITES: Final = (OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
_NOT_IN_SEQUENCES: Final = (Mnemonic.POPF, Mnemonic.POPFQ, Mnemonic.IRET, Mnemonic.LEAVE, Mnemonic.ENTER)
_VERW: Final = 5  # of group 6
_HARMLESS_PREFIX: Final = 0x3E  # DS: ignored in 64-bit mode


@dataclass(frozen=True, slots=True)
class Made:
    """A case, its instructions as iced decodes them (the last may be invalid), and what says what is right for it.

    `host_code`: what the host runs in its place, where it has a feature that CPUID here does not claim, or follows
    AMD's manual and not Intel's.
    """

    case: Case
    instructions: tuple[Any, ...]
    judge: Judge
    host_code: bytes

    @property
    def host_case(self) -> Case:
        return self.case if self.host_code == self.case.code else replace(self.case, code=self.host_code)

    @property
    def on_both(self) -> tuple[Any, ...]:
        """What is run here, and there."""
        if self.host_code == self.case.code:
            return self.instructions
        return (*self.instructions, *decode(self.host_code, self.case.address))


@cache
def _by_judge() -> dict[Judge, tuple[Form, ...]]:
    return {which: tuple(form for form in forms() if form.judge is which) for which in Judge}


def single(slot: int, random: Random, form: Form | None = None) -> Made:
    """One instruction; of `form`, if it is given."""
    for _ in range(_TRIES):
        code = _pick(random, address_of(slot), form)
        made = build(slot, random, [code], fixed=False) if code else None
        if made is not None:
            return made
    raise ValueError(f"no case of {form} can be made")


def _pick(random: Random, address: int, form: Form | None) -> bytes | None:
    if form is None:
        choice = random.random()
        if choice < _RANDOM_SHARE:
            return encode.random_bytes(random)
        which = Judge.UD if choice < _RANDOM_SHARE + _REFUSED_SHARE else Judge.HOST
        form = random.choice(_by_judge()[which])
    code = encode.from_form(form, random, address)
    return None if code is None else encode.decorated(code, form, random)


def sequence(slot: int, random: Random, chosen: tuple[Form, ...]) -> Made:
    """2 to 8 instructions of the forms; only the last may branch, and none reads what another leaves undefined."""
    while True:
        wanted, pieces, undefined = random.randrange(2, 9), list[bytes](), _Undefined()
        for _ in range(_TRIES):
            code = encode.from_form(random.choice(chosen), random, address_of(slot), bases=(Register.RBX, Register.RBP))
            if code is None:
                continue
            instruction = Decoder(64, code, ip=address_of(slot)).decode()
            last = len(pieces) == wanted - 1
            if _goes_in(instruction, last=last) and undefined.accepts(instruction):
                pieces.append(code)
            if len(pieces) == wanted:
                break
        made = build(slot, random, pieces, fixed=True)
        if made is not None:
            return made


class _Undefined:
    """Flags and x87 condition codes that the instructions so far left undefined."""

    def __init__(self) -> None:
        self.flags = 0
        self.codes = False

    def accepts(self, instruction: Any) -> bool:
        """Whether it reads none of them; if so, it is counted in."""
        if instruction.rflags_read & self.flags or (self.codes and reads_codes(instruction)):
            return False
        if instruction.mnemonic in (Mnemonic.PUSHF, Mnemonic.PUSHFQ) and self.flags:
            return False
        self.flags = flags_left_undefined(instruction, self.flags)
        self.codes |= leaves_codes_undefined(instruction)
        return True


_INFORMATION: Final = InstructionInfoFactory()


def _goes_in(instruction: Any, *, last: bool) -> bool:
    if instruction.is_invalid or instruction.mnemonic in _NOT_IN_SEQUENCES:
        return False
    if instruction.flow_control != FlowControl.NEXT and not last:
        return False
    if may_leave_target_undefined(instruction) or has_undefined_result(instruction, {"rcx": 31}):
        return False
    if aim.is_far_bit(instruction):
        return False
    for used in _INFORMATION.info(instruction).used_registers():
        if used.access in _WRITES and RegisterExt.full_register(used.register) in _KEPT:
            return bool(instruction.is_stack_instruction)
    return True


def build(slot: int, random: Random, pieces: list[bytes], *, fixed: bool) -> Made | None:
    """The case of these instructions; None when the host could not run it. `fixed`: operands lie behind RBX, RBP."""
    address = address_of(slot)
    where = aim.window(random)
    aimed = aim.Aim(random, where, address - layout.CODE_AT, fixed=fixed)
    host_code = bytearray()
    for piece in pieces:
        at = address + len(aimed.code)
        decoder = Decoder(64, piece, DecoderOptions.NONE, ip=at)
        instruction = decoder.decode()
        if decoder.last_error == DecoderError.NO_MORE_BYTES:
            return None
        whole = piece if instruction.is_invalid else piece[: instruction.len]
        aimed.append(whole)
        aimed.take(instruction, decoder.get_constant_offsets(instruction), at)
        host_code += _for_the_host(bytes(aimed.code[at - address :]), instruction)
    code = bytes(aimed.code)
    decoded = decode(code, address)
    who = judged(decoded)
    if who is Judge.NOBODY or _is_amds(code) or len(code) > layout.SLOT_SIZE - layout.CODE_AT - 16:
        return None
    case = Case(
        slot, code, where, values.flags(random, checked=not fixed),
        tuple(aimed.registers[name] & values.MASK for name in GENERAL),
        values.fx_area(random, plain=random.random() < _PLAIN_SHARE), bytes(aimed.memory),
        resets_segments=any(_loads_segment(instruction) for instruction in decoded), form=form_of(decoded),
    )  # fmt: skip
    return Made(case, decoded, who, bytes(host_code))


def _for_the_host(code: bytes, instruction: Any) -> bytes:
    """Without the prefixes that mean something to the host's CPU only.

    LZCNT and TZCNT are BSR and BSF without their features; 66 before a near branch is nothing to Intel's CPUs; an AMD
    CPU takes REPNE before LOOPE for another condition, and refuses 0F 0D with a register, a NOP to Intel's.
    """
    if instruction.is_invalid:
        return code
    dropped: tuple[int, ...] = ()
    if {CpuidFeature.LZCNT, CpuidFeature.BMI1}.intersection(instruction.cpuid_features()):
        dropped = (0xF3,)
    elif instruction.mnemonic in _LOOPS:
        dropped = (0x66, 0xF2, 0xF3)
    elif instruction.flow_control in _NEAR and not any(part in CODE_NAMES[instruction.code] for part in _FAR):
        dropped = (0x66,)
    end = encode.prefix_length(code, with_rex=True)
    if CODE_NAMES[instruction.code].startswith("RESERVEDNOP") and b"\x0f\x0d" in code:
        return code.replace(b"\x0f\x0d", b"\x0f\x1f", 1)
    return bytes(_HARMLESS_PREFIX if octet in dropped else octet for octet in code[:end]) + code[end:]


def decode(code: bytes, address: int) -> tuple[Any, ...]:
    """Every instruction, up to the first that is none."""
    decoder, found = Decoder(64, code, DecoderOptions.NONE, ip=address), []
    while decoder.can_decode:
        instruction = decoder.decode()
        found.append(instruction)
        if instruction.is_invalid:
            break
    return tuple(found)


def judged(instructions: tuple[Any, ...]) -> Judge:
    """The judge of a sequence: what says what is right for all of its instructions."""
    first = Judge.HOST
    for instruction in instructions:
        if instruction.is_invalid:
            continue
        who = judge(instruction.code)
        if who is Judge.NOBODY or _is_loop(instruction) or _is_system_call(instruction):
            return Judge.NOBODY
        if instruction.mnemonic == Mnemonic.ENTER and instruction.immediate16 >= layout.WINDOW_STEP - 4 * layout.PAGE:
            return Judge.NOBODY  # it would touch the pages of another window
        if who is Judge.UD:
            first = Judge.UD
    return first


def _is_system_call(instruction: Any) -> bool:
    return bool(instruction.mnemonic == Mnemonic.INT and instruction.immediate8 == 0x80)


def _loads_segment(instruction: Any) -> bool:
    return not instruction.is_invalid and any(
        RegisterExt.is_segment_register(used.register) and used.access in _WRITES
        for used in _INFORMATION.info(instruction).used_registers()
    )


def _is_amds(code: bytes) -> bool:
    """Undefined to Intel, something to the host: hypercalls (0F 01) behind prefixes, LOCK before MOV CR0 and VERW."""
    end = encode.prefix_length(code, with_rex=True)
    opcode = code[end : end + 3]
    if opcode[:2] == b"\x0f\x01":
        return opcode[2:] >= b"\xc0" and end > 0
    if opcode[:2] == b"\x0f\x00" and 0xF0 in code[:end]:
        return opcode[2:] != b"" and opcode[2] >> 3 & 7 == _VERW
    return opcode[:2] in (b"\x0f\x20", b"\x0f\x22") and 0xF0 in code[:end]


def _is_loop(instruction: Any) -> bool:
    """A branch into what was executed before it."""
    distance = instruction.ip - instruction.near_branch_target
    return bool(instruction.flow_control in _BRANCHES and -instruction.len < distance < layout.CODE_AT)


def form_of(instructions: tuple[Any, ...]) -> str:
    """The names of their codes."""
    return " + ".join("INVALID" if i.is_invalid else CODE_NAMES[i.code] for i in instructions)
