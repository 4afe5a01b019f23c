"""Directed resolution: bits of not-present entries, directives, rings, decline reasons.

All of it is pffemu's own (docs/hardware-resolution.md): no CPU has it. Structures lie in kernel memory, as words of
64 bits.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from pffemu.arch.paging import PTE_P, PTE_UFFD

# a not-present leaf entry with bit 58: the directive's index (0: none) and generation; while a core fills the page,
# BUSY and that core's number. Every other bit must be 0.
INDEX_SHIFT: Final = 12
INDEX_BITS: Final = 12
INDEX: Final = ((1 << INDEX_BITS) - 1) << INDEX_SHIFT
GENERATION_SHIFT: Final = 24
GENERATIONS: Final = 1 << 20
GENERATION: Final = (GENERATIONS - 1) << GENERATION_SHIFT
CORE_SHIFT: Final = 44
CORE: Final = 0xFF << CORE_SHIFT
BUSY: Final = 1 << 57
DIRECTED: Final = PTE_UFFD | INDEX | GENERATION  # the bits of an entry that waits for its fill
RETURNABLE: Final = 1 << 54  # of a present entry: PAGEOUT may take its frame, which no other entry maps

# a directive: 64 bytes
DIRECTIVE_WORDS: Final = 8
TAG, START, END, CONTROL, LEAF, SOURCE, STRIDE, LEFT = range(DIRECTIVE_WORDS)
VALID: Final = 1 << 0  # CONTROL
KIND_SHIFT: Final = 1
READ: Final = 1 << 4
WRITE: Final = 1 << 5
COUNTED: Final = 1 << 6  # LEFT counts the pages: there is a quota
AROUND_SHIFT: Final = 8  # fault-around: 2^k pages
AROUND_MOST: Final = 9
CONTROL_GENERATION_SHIFT: Final = 32


class Kind(IntEnum):
    """What a fill puts into the page."""

    ZERO = 1  # zeros
    MAP = 2  # nothing: the page is the one that the kernel has listed for it
    COPY = 3  # a page of the process's own memory


# a ring: a header of 64 bytes, then its entries
HEADER_WORDS: Final = 8
# counts that only grow; entries; of a frame ring its low-water mark, and whether an interrupt is sent below it
PRODUCED, CONSUMED, CAPACITY, LOW, ARMED = range(5)
ZEROED: Final = 1 << 0  # of a frame ring's entry: the frame holds zeros
FILLED: Final = 1 << 0  # of a record's first word, beside the page's address
RETURNED: Final = 1 << 1
STORED: Final = 1 << 2  # the access was a store

# the epochs of an address space: a line with the current one and the gate, then a line a core
EPOCH, GATE = range(2)  # GATE: how many operations of the kernel keep units from beginning a fill
CORE_WORDS: Final = 8
ACKNOWLEDGED, IN_FLIGHT = range(2)  # of a core's line
INACTIVE: Final = (1 << 63) - 1  # ACKNOWLEDGED: the core does not have the address space loaded

# the error code that a declined fault has in the frame of its handler, beside the CPU's bits; 15 is SGX's, 31 is RMP's
DECLINED: Final = 1 << 14
REASON_SHIFT: Final = 16


class Reason(IntEnum):
    """Why the unit declines a fault: bits 23:16 of the error code."""

    MARKED = 1
    INDEX = 2
    INVALID = 3
    TAG = 4
    RANGE = 5
    STALE = 6
    RIGHTS = 7
    QUOTA = 8
    EMPTY = 9
    UNACKNOWLEDGED = 10
    BAD_FRAME = 11
    RECORDS_FULL = 12
    NOT_LISTED = 13
    SOURCE_RANGE = 14
    SOURCE_MISSING = 15


WORDS: Final = {  # in traces
    Reason.MARKED: "the entry carries a marker",
    Reason.INDEX: "directive index beyond the table",
    Reason.INVALID: "directive not valid",
    Reason.TAG: "directive of another address space",
    Reason.RANGE: "address outside the directive",
    Reason.STALE: "stale generation",
    Reason.RIGHTS: "access beyond the directive's rights",
    Reason.QUOTA: "quota used up",
    Reason.EMPTY: "frame ring empty",
    Reason.UNACKNOWLEDGED: "returned frame not acknowledged by every core",
    Reason.BAD_FRAME: "ring entry is not a frame of RAM",
    Reason.RECORDS_FULL: "completion ring full",
    Reason.NOT_LISTED: "page not listed",
    Reason.SOURCE_RANGE: "source outside user space",
    Reason.SOURCE_MISSING: "source not readable by the user",
}


def absent(index: int, generation: int) -> int:
    """The not-present entry of a page under directive `index`."""
    return PTE_UFFD | index << INDEX_SHIFT | generation << GENERATION_SHIFT


def is_directed(entry: int) -> bool:
    """Whether a leaf entry names a directive."""
    return entry & (PTE_P | PTE_UFFD) == PTE_UFFD and entry & INDEX != 0


def index_of(entry: int) -> int:
    return (entry & INDEX) >> INDEX_SHIFT


def generation_of(entry: int) -> int:
    return (entry & GENERATION) >> GENERATION_SHIFT
