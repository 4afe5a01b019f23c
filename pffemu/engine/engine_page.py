"""The engine's own page: the code that enters ring 3, and the address that bounds every run."""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch.registers import USER_CS, USER_SS

# The engine's own page lies in the canonical hole, so no guest mapping can collide with it. It holds the GDT, the
# IRETQ that enters ring 3 and the address every run is bounded by (U9, U13: `until` must be fetchable).
ENGINE_PAGE: Final = 1 << 63
ENGINE_PAGE_PA: Final = 1 << 45  # behind everything else the machine maps
UNTIL: Final = ENGINE_PAGE + 0x800
IRETQ_AT: Final = 0x400
IRET_FRAME_AT: Final = 0x500
TOUCH_AT: Final = 0x600
# again: mov al, [rsi]; add rsi, 4096; dec ecx; jnz again
TOUCH: Final = bytes.fromhex("8a06 4881c600100000 ffc9 75f3")
_HLT: Final = 0xF4  # HLT: a guest that jumps into the page gets #GP
# Linux's selectors: kernel code and data, 32-bit user code, user data, user code, and the core's number
_GDT: Final = (
    0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF,
    *(0,) * 8, 0x0040F50000000000,
)  # fmt: skip
GDT_LIMIT: Final = 8 * len(_GDT) - 1


def page_content() -> bytes:
    """GDT, the IRETQ and its frame, the loop that touches pages; #GP everywhere else."""
    page = bytearray([_HLT]) * 0x1000
    struct.pack_into(f"<{len(_GDT)}Q", page, 0, *_GDT)
    page[IRETQ_AT : IRETQ_AT + 2] = b"\x48\xcf"
    page[TOUCH_AT : TOUCH_AT + len(TOUCH)] = TOUCH
    struct.pack_into("<5Q", page, IRET_FRAME_AT, UNTIL, USER_CS, 0x202, 0, USER_SS)
    return bytes(page)
