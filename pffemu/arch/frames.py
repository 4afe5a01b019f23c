"""The frames delivery pushes on the user stack, from the handler's RSP upwards.

    standard (SDM, user-interrupt delivery)   extended (pff)                       extended, no vector word
    +0   vector  (UIRRV)                      +0   vector                          +0   RIP
    +8   RIP                                  +8   RIP                             +8   RFLAGS
    +16  RFLAGS                               +16  RFLAGS                          +16  RSP
    +24  RSP                                  +24  RSP                             +24  fault address
                                              +32  fault address                   +32  error code
                                              +40  error code

The extended frame is PFF-UINTR's `uintr_frame_extended` behind one word that its gem5 microcode leaves unused; here
that word holds the vector, so that a handler compiled for the standard frame runs unchanged. Later gem5 commits push
no vector word; that layout is kept as `RIP_FIRST`. Frames of UserFault (hw.user_fault) have the words of `USER_FAULT`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class FrameLayout(Enum):
    """Which extended frame a forwarded fault pushes."""

    VECTOR_FIRST = "vector-first"
    RIP_FIRST = "rip-first"
    USER_FAULT = "user-fault"  # of mode userfault, and of no other


STANDARD_SIZE: Final = 32  # bytes
EXTENDED_SIZE: Final[dict[FrameLayout, int]] = {
    FrameLayout.VECTOR_FIRST: 48, FrameLayout.RIP_FIRST: 40, FrameLayout.USER_FAULT: 40,
}  # fmt: skip
# names of the words, lowest address first; the standard frame is the first four of VECTOR_FIRST
FIELDS: Final[dict[FrameLayout, tuple[str, ...]]] = {
    FrameLayout.VECTOR_FIRST: ("vector", "RIP", "RFLAGS", "RSP", "fault address", "error code"),
    FrameLayout.RIP_FIRST: ("RIP", "RFLAGS", "RSP", "fault address", "error code"),
    FrameLayout.USER_FAULT: ("fault code", "fault address", "RIP", "RFLAGS", "RSP"),
}
STACK_ALIGNMENT: Final = 16  # bytes, before the first push


def words_of(size: int, layout: FrameLayout) -> tuple[str, ...]:
    """The names of the words in a frame of `size` bytes, lowest address first; `layout` is that of extended ones."""
    return FIELDS[FrameLayout.VECTOR_FIRST if size == STANDARD_SIZE else layout][: size // 8]
