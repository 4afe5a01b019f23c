"""Bytes of the instructions neither keystone nor Unicorn knows (SDM vol. 2: CLUI, SENDUIPI, STUI, TESTUI, UIRET)."""

from __future__ import annotations

from typing import Final

# mnemonic -> the whole encoding; none of these has an operand
UINTR_BYTES: Final[dict[str, bytes]] = {
    "uiret": b"\xf3\x0f\x01\xec",
    "testui": b"\xf3\x0f\x01\xed",
    "clui": b"\xf3\x0f\x01\xee",
    "stui": b"\xf3\x0f\x01\xef",
}
UINTR_LENGTH: Final = 4
UINTR_MNEMONICS: Final[dict[bytes, str]] = {code: mnemonic for mnemonic, code in UINTR_BYTES.items()}

# SENDUIPI r64 is F3 [REX.B] 0F C7 /6 with a register operand: ModRM is 0xf0 + the register's low three bits
REGISTERS_64: Final = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
)
SENDUIPI_BYTES: Final[dict[str, bytes]] = {
    name: (b"\xf3\x41\x0f\xc7" if number >= 8 else b"\xf3\x0f\xc7") + bytes([0xF0 + number % 8])
    for number, name in enumerate(REGISTERS_64)
}
SENDUIPI_REGISTERS: Final[dict[bytes, str]] = {code: name for name, code in SENDUIPI_BYTES.items()}

ENDBR64: Final = b"\xf3\x0f\x1e\xfa"
