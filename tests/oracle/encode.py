"""One instruction's bytes: a form with random operands, decorated with prefixes, or random bytes."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from iced_x86 import Encoder, Instruction, OpKind, Register

from tests.oracle.forms import KIND, Form

_PREFIXES: Final = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3)
_R8: Final = (*range(Register.AL, Register.BH + 1), *range(Register.SPL, Register.R15L + 1))
_R16: Final = tuple(range(Register.AX, Register.R15W + 1))
_R32: Final = tuple(range(Register.EAX, Register.R15D + 1))
_R64: Final = tuple(range(Register.RAX, Register.R15 + 1))
_MM: Final = tuple(range(Register.MM0, Register.MM7 + 1))
_XMM: Final = tuple(range(Register.XMM0, Register.XMM15 + 1))
_YMM: Final = tuple(range(Register.YMM0, Register.YMM15 + 1))
_ZMM: Final = tuple(range(Register.ZMM0, Register.ZMM31 + 1))
_ST: Final = tuple(range(Register.ST0, Register.ST7 + 1))
_K: Final = tuple(range(Register.K1, Register.K7 + 1))
_BND: Final = tuple(range(Register.BND0, Register.BND3 + 1))
_SEG: Final = (Register.ES, Register.CS, Register.SS, Register.DS, Register.FS, Register.GS)
_CR: Final = (Register.CR0, Register.CR2, Register.CR3, Register.CR4, Register.CR8)
_DR: Final = tuple(range(Register.DR0, Register.DR7 + 1))
_TMM: Final = tuple(range(Register.TMM0, Register.TMM7 + 1))
_BY_PREFIX: Final = {
    "R8": _R8, "R16": _R16, "R32": _R32, "R64": _R64, "MM": _MM, "XMM": _XMM, "YMM": _YMM, "ZMM": _ZMM, "K": _K,
    "KP1": _K, "BND": _BND, "CR": _CR, "DR": _DR, "TMM": _TMM, "SEG": _SEG, "STI": _ST, "XMMP3": _XMM, "ZMMP3": _ZMM,
}  # fmt: skip
_FIXED: Final = {
    "ST0": Register.ST0, "AL": Register.AL, "CL": Register.CL, "AX": Register.AX, "DX": Register.DX,
    "EAX": Register.EAX, "RAX": Register.RAX, "ES": Register.ES, "CS": Register.CS, "SS": Register.SS,
    "DS": Register.DS, "FS": Register.FS, "GS": Register.GS,
}  # fmt: skip
_IMMEDIATES: Final = {
    "IMM8": (OpKind.IMMEDIATE8, 8), "IMM16": (OpKind.IMMEDIATE16, 16), "IMM32": (OpKind.IMMEDIATE32, 32),
    "IMM64": (OpKind.IMMEDIATE64, 64), "IMM32SEX64": (OpKind.IMMEDIATE32TO64, 31),
    "IMM8SEX16": (OpKind.IMMEDIATE8TO16, 7), "IMM8SEX32": (OpKind.IMMEDIATE8TO32, 7),
    "IMM8SEX64": (OpKind.IMMEDIATE8TO64, 7), "IMM4_M2Z": (OpKind.IMMEDIATE8, 4),
}  # fmt: skip
_STRINGS: Final = {
    "SEG_RSI": OpKind.MEMORY_SEG_RSI, "ES_RDI": OpKind.MEMORY_ESRDI, "SEG_RDI": OpKind.MEMORY_SEG_RDI,
}  # fmt: skip
_NAMES: Final = {number: name for name, number in KIND.items()}
_VSIB: Final = {"X": _XMM, "Y": _YMM, "Z": _ZMM}
INT32: Final = 1 << 31


def from_form(form: Form, random: Random, address: int, bases: tuple[int, ...] = ()) -> bytes | None:
    """None when iced finds the operands do not go together. `bases`: the only registers memory operands may use."""
    instruction = Instruction.create(form.code)
    for i, kind in enumerate(form.kinds):
        _operand(instruction, i, _NAMES[kind], random, address)
    if bases and any(instruction.op_kind(i) == OpKind.MEMORY for i in range(instruction.op_count)):
        if "SEG_RBX_AL" in (_NAMES[kind] for kind in form.kinds):
            return None
        instruction.memory_base, instruction.memory_index = random.choice(bases), Register.NONE
        instruction.memory_displ_size = 1
        displacement = 16 * random.randrange(-6, 6) if random.random() < 0.8 else random.randrange(-96, 96)
        instruction.memory_displacement = displacement & ((1 << 64) - 1)
    if any("VSIB" in _NAMES[kind] for kind in form.kinds):
        instruction.op_mask = Register.K1
    encoder = Encoder(64)
    try:
        encoder.encode(instruction, address)
    except ValueError:
        return None
    return bytes(encoder.take_buffer())


def _operand(instruction: Any, i: int, kind: str, random: Random, address: int) -> None:
    if kind in _FIXED:
        _register(instruction, i, _FIXED[kind])
    elif kind in _IMMEDIATES:
        _immediate(instruction, i, *_IMMEDIATES[kind], random)
    elif kind == "IMM8_CONST_1":
        instruction.set_op_kind(i, OpKind.IMMEDIATE8)
        instruction.immediate8 = 1
    elif kind in _STRINGS:
        instruction.set_op_kind(i, _STRINGS[kind])
    elif kind.startswith(("BR", "XBEGIN")):
        instruction.set_op_kind(i, OpKind.NEAR_BRANCH64 if not kind.startswith("BR16") else OpKind.NEAR_BRANCH16)
        if kind.startswith("BR16"):
            instruction.near_branch16 = address & 0xFFFF
        else:
            instruction.near_branch64 = address + random.randrange(-80, 100)
    elif kind == "SEG_RBX_AL":
        instruction.set_op_kind(i, OpKind.MEMORY)
        instruction.memory_base, instruction.memory_index = Register.RBX, Register.AL
    elif kind == "MEM_OFFS":
        instruction.set_op_kind(i, OpKind.MEMORY)
        instruction.memory_displ_size = 8
        instruction.memory_displacement = random.getrandbits(64)
    elif "MEM" in kind and not (("OR_MEM" in kind or kind.endswith("REG_MEM")) and random.random() < 0.45):
        _memory(instruction, i, kind, random)
    else:
        prefix = kind.split("_")[0]
        _register(instruction, i, random.choice(_BY_PREFIX[prefix]))


def _register(instruction: Any, i: int, register: int) -> None:
    instruction.set_op_kind(i, OpKind.REGISTER)
    instruction.set_op_register(i, register)


def _immediate(instruction: Any, i: int, kind: int, bits: int, random: Random) -> None:
    second = i > 0 and instruction.op_kind(i - 1) in (OpKind.IMMEDIATE8, OpKind.IMMEDIATE16)
    instruction.set_op_kind(i, OpKind.IMMEDIATE8_2ND if second else kind)
    if random.random() < 0.4:
        value = random.choice((0, 1, (1 << bits - 1) - 1, 1 << bits - 1, (1 << bits) - 1))
    else:
        value = random.getrandbits(bits)
    if bits in (7, 31) and random.random() < 0.5:
        value = -value - 1
    if second:
        instruction.immediate8_2nd = value & 255
    elif bits in (7, 31):
        instruction.set_immediate_i64(i, value)
    else:
        instruction.set_immediate_u64(i, value)


def _memory(instruction: Any, i: int, kind: str, random: Random) -> None:
    """Registers and displacement at random; what they hold is chosen when the address is."""
    instruction.set_op_kind(i, OpKind.MEMORY)
    if random.random() < 0.1 and "VSIB" not in kind and kind != "SIBMEM":
        instruction.memory_base, instruction.memory_displ_size = Register.RIP, 8
        instruction.memory_displacement = 0x2000_0000
        return
    registers = _R32 if random.random() < 0.04 else _R64
    if random.random() < 0.95 or kind == "MEM_MIB" or "VSIB" in kind or kind == "SIBMEM":
        instruction.memory_base = random.choice(registers)
    if "VSIB" in kind:
        instruction.memory_index = random.choice(_VSIB[kind[-1]])
    elif random.random() < 0.35:
        instruction.memory_index = random.choice([r for r in registers if r not in (Register.RSP, Register.ESP)])
        instruction.memory_index_scale = random.choice((1, 2, 4, 8))
    size = random.choice((0, 1, 4)) if instruction.memory_base else 4
    if size:
        instruction.memory_displ_size = 8 if size == 4 and registers is _R64 else size
        bits = 7 if size == 1 else 28
        displacement = random.getrandbits(bits) if random.random() < 0.5 or size == 4 else -random.getrandbits(bits)
        instruction.memory_displacement = displacement & ((1 << 64) - 1)
    instruction.memory_displ_size = instruction.memory_displ_size if size else 0


def decorated(code: bytes, form: Form, random: Random) -> bytes:
    """Now and then with prefixes that the instruction does not need, or a redundant REX."""
    choice = random.random()
    if form.lockable and choice < 0.3:
        code = b"\xf0" + code
    elif form.repeatable and choice < 0.6:
        code = random.choice((b"\xf2", b"\xf3")) + code
    choice = random.random()
    if choice < 0.08:
        code = bytes((random.choice(_PREFIXES),)) + code
    elif choice < 0.10:
        code = bytes(random.choices(_PREFIXES, k=random.randrange(1, 5))) + code
    if random.random() < 0.05:
        code = _with_rex(code, random)
    return code[:15] if random.random() < 0.99 else bytes(random.choices(_PREFIXES, k=14)) + code


def prefix_length(code: bytes, *, with_rex: bool = False) -> int:
    """Of the legacy prefixes; `with_rex`: and of REX, wherever it stands among them."""
    return next(
        (i for i, octet in enumerate(code) if octet not in _PREFIXES and not (with_rex and octet & 0xF0 == 0x40)),
        len(code),
    )


def _with_rex(code: bytes, random: Random) -> bytes:
    """A REX prefix where one stands, or none where it has no effect."""
    at = prefix_length(code) % len(code)
    if random.random() < 0.2:
        at = random.randrange(at + 1)
    return code[:at] + bytes((0x40 | random.getrandbits(4),)) + code[at:]


def random_bytes(random: Random) -> bytes:
    """Whatever it decodes to."""
    tail = random.randbytes(14)
    choice = random.random()
    prefixes = bytes(random.choices(_PREFIXES, k=random.choice((0, 0, 0, 1, 1, 2))))
    if random.random() < 0.3:
        prefixes += bytes((0x40 | random.getrandbits(4),))
    if choice < 0.4:
        return (prefixes + tail)[:15]
    if choice < 0.8:
        return (prefixes + b"\x0f" + tail)[:15]
    return (prefixes + b"\x0f" + random.choice((b"\x38", b"\x3a", b"\x01", b"\xae", b"\xc7", b"\x0d")) + tail)[:15]
