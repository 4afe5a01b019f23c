"""Whether code leaves the upper half of RAX zero: writing EAX clears it (SDM vol. 1, 3.4.1)."""

from __future__ import annotations

from typing import Final

from iced_x86 import Decoder, Mnemonic, OpKind, Register

# these write no general register other than their first operand
_PLAIN: Final = frozenset(
    {
        Mnemonic.ADD, Mnemonic.AND, Mnemonic.CMP, Mnemonic.DEC, Mnemonic.INC, Mnemonic.LEA, Mnemonic.MOV,
        Mnemonic.MOVSX, Mnemonic.MOVSXD, Mnemonic.MOVZX, Mnemonic.NEG, Mnemonic.NOP, Mnemonic.NOT, Mnemonic.OR,
        Mnemonic.SAR, Mnemonic.SHL, Mnemonic.SHR, Mnemonic.SUB, Mnemonic.TEST, Mnemonic.XOR,
        Mnemonic.ENDBR64, Mnemonic.PUSH,
    }
)  # fmt: skip
_READ_ONLY: Final = frozenset({Mnemonic.CMP, Mnemonic.TEST, Mnemonic.NOP, Mnemonic.PUSH})


def is_clear_before(block: bytes, offset: int) -> bool:
    """Whether the instructions of `block` before `offset` certainly leave the upper half of RAX zero."""
    clear = False
    for instruction in Decoder(64, block[:offset]):
        if instruction.mnemonic not in _PLAIN:
            clear = False
        elif instruction.mnemonic not in _READ_ONLY and instruction.op0_kind == OpKind.REGISTER:
            if instruction.op0_register == Register.EAX:
                clear = True
            elif instruction.op0_register == Register.RAX:
                clear = False
    return clear
