"""Bytes of the instructions neither keystone nor Unicorn knows (SDM vol. 2: CLUI, SENDUIPI, STUI, TESTUI, UIRET)."""

from __future__ import annotations

from typing import Final

MAX_INSTRUCTION: Final = 15  # bytes (SDM vol. 2, 2.3.11)
SYSCALL_LENGTH: Final = 2  # bytes
# mnemonic -> the whole encoding; none of these has an operand
UINTR_BYTES: Final[dict[str, bytes]] = {
    "uiret": b"\xf3\x0f\x01\xec",
    "testui": b"\xf3\x0f\x01\xed",
    "clui": b"\xf3\x0f\x01\xee",
    "stui": b"\xf3\x0f\x01\xef",
}
UINTR_LENGTH: Final = 4
UINTR_MNEMONICS: Final[dict[bytes, str]] = {code: mnemonic for mnemonic, code in UINTR_BYTES.items()}

# F3 [REX.B] 0F C7 /n with a register operand: ModRM is 0xc0 + 8 n + the register's low three bits.
# SENDUIPI is Intel's; the other two arm xUI's kernel-bypass timer, whose encodings are not published: ours.
REGISTER_EXTENSIONS: Final = {"settimer": 4, "settimerp": 5, "senduipi": 6}
REGISTERS_64: Final = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
)
# (mnemonic, register) -> the whole encoding
UINTR_REGISTER_BYTES: Final[dict[tuple[str, str], bytes]] = {
    (mnemonic, name): (b"\xf3\x41\x0f\xc7" if number >= 8 else b"\xf3\x0f\xc7")
    + bytes([0xC0 + 8 * extension + number % 8])
    for mnemonic, extension in REGISTER_EXTENSIONS.items()
    for number, name in enumerate(REGISTERS_64)
}
UINTR_REGISTER_FORMS: Final[dict[bytes, tuple[str, str]]] = {code: form for form, code in UINTR_REGISTER_BYTES.items()}

ENDBR64: Final = b"\xf3\x0f\x1e\xfa"
