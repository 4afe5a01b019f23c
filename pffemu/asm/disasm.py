"""The disassembler: capstone, with the instructions of arch.own_instructions in front.

Capstone 5 knows neither UIRET, TESTUI nor SENDUIPI (it stops there) and prints CLUI and STUI as RDPKRU and WRPKRU.
Disassembly never stops early: a byte that starts no instruction becomes a one-byte `.byte` pseudo instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import capstone

from pffemu.arch import own_encodings
from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm.instruction import Instruction
from pffemu.asm.memory_operands import memory_operands

LEGACY_PREFIXES: Final = frozenset(b"\x26\x2e\x36\x3e\x64\x65\x66\x67")
VECTOR_ESCAPES: Final = frozenset(b"\xc4\xc5\x62")  # VEX3, VEX2, EVEX: nothing else in 64-bit mode

_detailed = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
_detailed.detail = True
_sizes_only = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)


def decode(code: bytes, address: int = 0) -> Instruction | None:
    """The first instruction of `code`, or None when its bytes are not an instruction."""
    head = bytes(code[:MAX_INSTRUCTION])
    overlaid = _own_instruction(head, address)
    if overlaid is not None:
        return overlaid
    insn = capstone_instruction(head, address)
    if insn is None:
        return None
    own_bytes = bytes(insn.bytes)
    return Instruction(
        address=address,
        size=len(own_bytes),
        bytes=own_bytes,
        mnemonic=insn.mnemonic,
        operands=insn.op_str,
        memory=memory_operands(insn),
        is_avx=_is_avx(own_bytes, insn.mnemonic),
    )


def capstone_instruction(code: bytes, address: int) -> Any:
    """Capstone's object for the first instruction, with operand detail, or None; for the read-back check."""
    return next(_detailed.disasm(code, address, 1), None)


def disassemble(code: bytes, address: int = 0) -> Iterator[Instruction]:
    """Every instruction of `code`, to its last byte."""
    offset = 0
    while offset < len(code):
        instruction = decode(code[offset : offset + MAX_INSTRUCTION], address + offset)
        if instruction is None:
            stray = bytes(code[offset : offset + 1])
            instruction = Instruction(address + offset, 1, stray, ".byte", f"0x{stray[0]:02x}")
        yield instruction
        offset += instruction.size


def mnemonic_and_operands(code: bytes) -> tuple[str, str]:
    """The text of `code`, one whole instruction; (".byte", "") when capstone does not know it."""
    for _, _, mnemonic, operands in _sizes_only.disasm_lite(bytes(code), 0, 1):
        return mnemonic, operands
    overlaid = _own_instruction(bytes(code), 0)
    return (".byte", "") if overlaid is None else (overlaid.mnemonic, overlaid.operands)


def _own_instruction(code: bytes, address: int) -> Instruction | None:
    found = own_encodings.decoded(code)
    if found is None:
        return None
    return Instruction(address, found.length, code[: found.length], found.row.mnemonic, found.operands)


def _is_avx(code: bytes, mnemonic: str) -> bool:
    # BMI instructions are VEX-encoded as well, but they are not AVX and Unicorn runs them
    first = next((byte for byte in code if byte not in LEGACY_PREFIXES), 0)
    return first in VECTOR_ESCAPES and mnemonic[0] in "vk"
