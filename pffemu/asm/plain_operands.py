"""The memory operands of the instructions that most code consists of, read by iced-x86 alone.

They are what disasm.decode answers for them, but without capstone, which takes longer to load than a hello to run.
"""

from __future__ import annotations

from typing import Any, Final

from iced_x86 import Code, Decoder, MemorySizeExt, Mnemonic, OpKind, Register

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm.instruction import MemoryOperand
from pffemu.asm.scan import PREFIXES

_LOCK: Final = 0xF0
_MEMORY: Final = OpKind.MEMORY
_MODIFYING: Final = frozenset(
    (Mnemonic.ADD, Mnemonic.OR, Mnemonic.ADC, Mnemonic.SBB, Mnemonic.AND, Mnemonic.SUB, Mnemonic.XOR, Mnemonic.INC,
     Mnemonic.DEC, Mnemonic.NOT, Mnemonic.NEG, Mnemonic.CMPXCHG)
)  # fmt: skip
_STORING: Final = frozenset((Mnemonic.MOV, Mnemonic.MOVUPS, Mnemonic.MOVAPS))
_LOADING: Final = _MODIFYING | _STORING | {Mnemonic.CMP, Mnemonic.TEST, Mnemonic.MOVZX, Mnemonic.MOVSX}
_STACK_SLOT: Final = 8
_PUSHES: Final = frozenset((Code.PUSH_R64, Code.PUSHQ_IMM8, Code.PUSHQ_IMM32, Code.CALL_REL32_64))
_POPS: Final = frozenset((Code.POP_R64, Code.RETNQ))


def plain_operands(code: bytes) -> tuple[int, tuple[MemoryOperand, ...]] | None:
    """(size, memory operands) of the first instruction of `code`; None: it is not one of these, and decode tells."""
    if code[:1] and code[0] in PREFIXES and code[0] != _LOCK:
        return None
    instruction = Decoder(64, code[:MAX_INSTRUCTION]).decode()
    if instruction.code in _PUSHES:
        return instruction.len, (_stack(-_STACK_SLOT, write=True),)
    if instruction.code in _POPS:
        return instruction.len, (_stack(0, write=False),)
    mnemonic, at = instruction.mnemonic, _position(instruction)
    if at is None or mnemonic not in _LOADING or _is_prefixed_behind(code):
        return None
    if at == 0 and mnemonic in _STORING:
        return instruction.len, (_operand(instruction, read=False, write=True),)
    return instruction.len, (_operand(instruction, read=True, write=at == 0 and mnemonic in _MODIFYING),)


def _position(instruction: Any) -> int | None:
    """Which of the first two operands lies in memory behind a ModRM byte."""
    if instruction.op0_kind == _MEMORY:
        return 0
    return 1 if instruction.op1_kind == _MEMORY else None


def _is_prefixed_behind(code: bytes) -> bool:
    """Whether LOCK, or the lack of it, has a second prefix behind it."""
    behind = code[code[0] == _LOCK :]
    is_rex = behind[0] & 0xF0 == 0x40
    return behind[0] in PREFIXES or (is_rex and (behind[1] in PREFIXES or behind[1] & 0xF0 == 0x40))


def _stack(displacement: int, *, write: bool) -> MemoryOperand:
    return MemoryOperand("rsp", None, 1, displacement, None, _STACK_SLOT, not write, write, implicit=True)


def _operand(instruction: Any, *, read: bool, write: bool) -> MemoryOperand:
    base, index = instruction.memory_base, instruction.memory_index
    displacement = instruction.memory_displacement
    if base == Register.RIP:
        displacement -= instruction.len  # decoded at address 0
    displacement = (displacement + (1 << 63)) % (1 << 64) - (1 << 63)
    return MemoryOperand(
        base=_NAMES[base],
        index=_NAMES[index],
        scale=instruction.memory_index_scale if index else 1,
        displacement=displacement,
        segment=None,
        size=MemorySizeExt.size(instruction.memory_size),
        read=read,
        write=write,
    )


_NAMES: Final[dict[int, str | None]] = {
    Register.NONE: None,
    Register.RIP: "rip",
    **{getattr(Register, f"R{name}"): f"r{name.lower()}" for name in ("AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI")},
    **{getattr(Register, f"R{number}"): f"r{number}" for number in range(8, 16)},
}
