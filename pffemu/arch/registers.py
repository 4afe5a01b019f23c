"""Names of the registers that a guest and a debugger see, in gdb's order."""

from __future__ import annotations

from typing import Final

MASK64: Final = (1 << 64) - 1  # of a 64-bit register
GENERAL: Final = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
USER_CS: Final = 0x33  # Linux's __USER_CS
USER_SS: Final = 0x2B  # Linux's __USER_DS
