"""Where things lie in the driver's address space, and the records it reads and writes.

Everything that a case can address lies below 2 GB, so that displacements, RIP-relative operands and 32-bit addresses
reach it; the driver itself lies where no operand leads by chance.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

PAGE: Final = 4096

SLOTS: Final = 0x1000_0000  # code, a slot for each case, INT3 everywhere else; its first 8 bytes: where a case ends
SLOT_SIZE: Final = 256
CODE_AT: Final = 112  # of a case's first instruction in its slot: rel8 branches end in INT3
EXIT_POINTER: Final = SLOTS
WINDOWS: Final = 0x2000_0000
ALIASES: Final = 0x3000_0000  # the same pages, always readable and writable
WINDOW_STEP: Final = 0x1_0000
BOUNDARY: Final = 0x8000  # in a window: one page below it, one above
FS_BASE: Final = 0x3000
GS_BASE: Final = 0x5_1000
TEXT: Final = 0x2000_0000_0000
CASES: Final = 0x2000_1000_0000

MEMORY_BELOW: Final = 512  # bytes below the boundary that are set before a case and read after it
MEMORY_SIZE: Final = 1024


class Window(IntEnum):
    """What the page above the boundary is; the one below is always there."""

    PRESENT = 0
    READ_ONLY = 1
    NONE = 2  # PROT_NONE
    UNMAPPED = 3
    MISSING = 4  # shared, page tables empty: the kernel's minor faults, both pages
    PRIVATE = 5  # the same, copied on write
    CONTINUED = 6  # in pffemu: minor faults of a userfaultfd region, forwarded
    COPIED = 7  # in pffemu: missing pages of one, forwarded
    BEYOND_END = 8  # of the file: SIGBUS
    WRITABLE_LOW = 9  # the page below is read-only, the one above is there

    @property
    def boundary(self) -> int:
        return WINDOWS + self * WINDOW_STEP + BOUNDARY

    @property
    def alias(self) -> int:
        return ALIASES + self * WINDOW_STEP + BOUNDARY

    @property
    def is_refilled(self) -> bool:
        """Its pages are made missing before every case."""
        return Window.MISSING <= self <= Window.COPIED

    @property
    def is_private(self) -> bool:
        return self in (Window.PRIVATE, Window.COPIED)


REFILL: Final = 1  # madvise(MADV_DONTNEED) on the window first
RESET_SEGMENTS: Final = 2  # afterwards

GENERAL: Final = (
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    *("rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp"),
)  # the order of struct sigcontext_64
GREGS: Final = (*GENERAL, "rip", "rflags", "csgsfs", "err", "trapno", "oldmask", "cr2")

# code, flags, where memory is set, where it is read (0: nowhere), refilled window, unused, RFLAGS, registers
CASE_HEAD: Final = struct.Struct("<7Q16Q8x")
FX_AT: Final = CASE_HEAD.size
FX_SIZE: Final = 512
MEMORY_AT: Final = FX_AT + FX_SIZE
CASE_SIZE: Final = MEMORY_AT + MEMORY_SIZE
assert FX_AT == 192
assert CASE_SIZE % 16 == 0

# signal, si_code, si_addr, forwarded faults; ds es fs gs ss cs; gregs
RESULT_HEAD: Final = struct.Struct("<4Q6H4x23Q8x")
RESULT_GREGS_AT: Final = 48
RESULT_FX_AT: Final = RESULT_HEAD.size
RESULT_MEMORY_AT: Final = RESULT_FX_AT + FX_SIZE
RESULT_LOG_AT: Final = RESULT_MEMORY_AT + MEMORY_SIZE
LOG_FRAMES: Final = 4
FRAME: Final = struct.Struct("<6Q")  # vector, RIP, RFLAGS, RSP, address, error code
RESULT_SIZE: Final = RESULT_LOG_AT + LOG_FRAMES * FRAME.size
assert RESULT_FX_AT == 240
assert RESULT_SIZE % 16 == 0
