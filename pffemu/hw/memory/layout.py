"""The hierarchy's flat state: signed 64-bit words, the same for compiled and plain code.

In this order: the header (the hierarchy in integers, which does not change), the third-level cache, and for each core
its own words, first-level TLB and cache, page directories, second-level TLB and cache, branch predictor. Sets hold
their ways in the order of use, the last one first: equal histories give equal words.

A word of a cache is (line + 1) << 1 | exclusive, of a TLB page + 1; 0 is an empty way. Times are in 2^-16 cycles.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from pffemu.engine.count_block import PREDICTIONS
from pffemu.timing.hierarchy import Hierarchy

# header
(
    LINE_SHIFT, PAGE_LINES, LINES, CORES, CORE_WORDS, FIRST_CORE,
    L1_MASK, L1_WAYS, L2_MASK, L2_WAYS, L3_SETS, L3_WAYS,
    DTLB_MASK, DTLB_WAYS, STLB_MASK, STLB_WAYS, DIRECTORIES, WALKERS,
    L2_LATENCY, L3_LATENCY, MEMORY_LATENCY, MEMORY_GAP, TRANSFER_LATENCY, STLB_LATENCY, WALK_LATENCY,
    WINDOW, MISSES, EXPOSED, BOUND, AHEAD, KERNEL_LINES,
    DTLB, L1, DIRECTORY, STLB, L2, PREDICTOR, PAIR,
) = range(38)  # fmt: skip
L3: Final = 40  # the words of the third-level cache begin here

# a core's own words
LAST: Final = 0  # word of the line that was accessed last, 0: unknown
LAST_PAGE: Final = 1  # word of its page
MEMORY_FREE: Final = 2  # when memory can begin to send the core another line
WALK_FREE: Final = 3  # when another page walk can begin
WAITING: Final = 4  # misses that have not arrived
NEXT_STREAM: Final = 5  # the stream to be replaced
RUN_ON: Final = 6  # step of the stream that has reached the end of its block, 0: none
IN_USE: Final = 7  # 1: the core has had a line
STALLED: Final = 8  # cycles by cause
COUNTS: Final = 16
RING: Final = 32  # the misses that have not arrived
STREAM_BLOCKS: Final = RING + 64 * 7  # the streams' blocks + 1, 0: none
STREAMS: Final = STREAM_BLOCKS + 16
OWN_WORDS: Final = STREAMS + 16 * 68

# causes of stalls
BY_L2, BY_L3, BY_MEMORY, BY_TRANSFER, BY_TLB, BY_PREFETCH = range(6)
CAUSES: Final = ("memory.l2", "memory.l3", "memory.dram", "memory.transfer", "memory.tlb", "memory.prefetch")

# counts
L1_MISSES, L2_MISSES, L3_MISSES, TRANSFERS, DTLB_MISSES, WALKS, PREFETCHES, DEPENDENT, EXPOSED_MISSES = range(9)
COUNT_NAMES: Final = (
    "l1_misses", "l2_misses", "l3_misses", "transfers", "dtlb_misses", "page_walks", "prefetches", "dependent_misses",
    "misses_before_mispredictions",
)  # fmt: skip

# a miss that has not arrived
DONE, BEGUN, LINE, CAUSE, LATE, IS_STORE, HAS_POINTERS = range(7)
MISS_WORDS: Final = 7

# a stream
STREAM_COUNT: Final = 16
PLACE, STEP, TRAINED, REACHED = range(4)  # its last line, its step, steps seen, line prefetched last
ARRIVALS: Final = 4  # of the 64 lines ahead at most, once it is trained
STREAM_WORDS: Final = ARRIVALS + 64
BLOCK_LINES: Final = 64  # a block, in which one stream can be: 4 KiB

PAGE_LEVEL: Final = 9  # bits of an index into a page table


class Bound(Enum):
    """How misses overlap: not at all, as far as a core's window allows, or there but for pointers still awaited."""

    OVERLAPPED = 0
    PROFILE = 1
    SERIAL = 2


def words_of(hierarchy: Hierarchy, bound: Bound, cores: int, ram: int) -> tuple[list[int], int]:
    """The header for `cores` cores and `ram` bytes, and the number of words in all."""
    h = hierarchy
    header = [0] * L3
    header[LINE_SHIFT], header[PAGE_LINES] = h.line_shift, h.page_shift - h.line_shift
    header[LINES], header[CORES] = ram >> h.line_shift, cores
    header[L1_MASK], header[L1_WAYS] = h.l1[0] - 1, h.l1[1]
    header[L2_MASK], header[L2_WAYS] = h.l2[0] - 1, h.l2[1]
    header[L3_SETS], header[L3_WAYS] = h.l3
    header[DTLB_MASK], header[DTLB_WAYS] = h.dtlb[0] - 1, h.dtlb[1]
    header[STLB_MASK], header[STLB_WAYS] = h.stlb[0] - 1, h.stlb[1]
    header[DIRECTORIES], header[WALKERS] = h.directories, h.walkers
    header[L2_LATENCY], header[L3_LATENCY], header[MEMORY_LATENCY] = h.l2_latency, h.l3_latency, h.memory_latency
    header[MEMORY_GAP], header[TRANSFER_LATENCY] = h.memory_gap, h.transfer_latency
    header[STLB_LATENCY], header[WALK_LATENCY] = h.stlb_latency, h.walk_latency
    header[WINDOW], header[MISSES], header[EXPOSED], header[BOUND] = h.window, h.misses, h.exposed, bound.value
    header[AHEAD], header[PAIR], header[KERNEL_LINES] = h.prefetch, h.pair, h.kernel_lines
    at = OWN_WORDS
    for word, size in (
        (DTLB, h.dtlb[0] * h.dtlb[1]), (L1, h.l1[0] * h.l1[1]), (DIRECTORY, h.directories),
        (STLB, h.stlb[0] * h.stlb[1]), (L2, h.l2[0] * h.l2[1]), (PREDICTOR, PREDICTIONS),
    ):  # fmt: skip
        header[word], at = at, at + size
    header[CORE_WORDS], header[FIRST_CORE] = at, L3 + h.l3[0] * h.l3[1]
    return header, header[FIRST_CORE] + cores * at
