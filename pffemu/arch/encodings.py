"""Facts of instruction encoding: lengths, and the numbers of registers (SDM vol. 2)."""

from __future__ import annotations

from typing import Final

MAX_INSTRUCTION: Final = 15  # bytes (SDM vol. 2, 2.3.11)
SYSCALL_LENGTH: Final = 2  # bytes
REGISTERS_64: Final = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
)

ENDBR64: Final = b"\xf3\x0f\x1e\xfa"
