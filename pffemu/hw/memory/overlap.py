"""What a miss costs the core: misses overlap within a window of instructions, up to a number of them at a time.

A core runs on behind a miss. It stalls when the oldest load that waits is a window of instructions behind, or when all
its fill buffers wait; stores only take a buffer. Whether a miss depends on another is seen in memory: a line that still
waits holds a pointer to it, or to a few lines before it (an object's start). Then it begins when that line arrives.

Times are those of the last taken branch, plus stalls since: they do not depend on how blocks of code were translated.
"""

from __future__ import annotations

from typing import Any, Final

from pffemu.engine.count_block import MISPREDICTED, REF_INSTRUCTIONS, REF_TIME, STALL
from pffemu.hw.memory.layout import (
    BEGUN,
    BOUND,
    BY_MEMORY,
    BY_TLB,
    CAUSE,
    COUNTS,
    DEPENDENT,
    DONE,
    EXPOSED,
    EXPOSED_MISSES,
    HAS_POINTERS,
    IS_STORE,
    L3_LATENCY,
    LATE,
    LINE,
    LINE_SHIFT,
    LINES,
    MEMORY_FREE,
    MEMORY_GAP,
    MISS_WORDS,
    MISSES,
    RING,
    STALLED,
    WAITING,
    WINDOW,
)
from pffemu.hw.page_walk import OK, USER, walk

_SHIFT: Final = 16
_CYCLE: Final = (1 << _SHIFT) - 1
_OVERLAPPED: Final = 0
_SERIAL: Final = 2
_LONGEST_OBJECT: Final = 512  # bytes behind a pointer that are taken for the object it points to
_SMALLEST_POINTER: Final = 0x1000


def stall(words: Any, core: int, counter: Any, time: int, cause: int, late: int) -> int:
    """Let whole cycles pass, `time` or a little more; `late`: the part of it that the translation took, at most."""
    cycles = (time + _CYCLE) >> _SHIFT
    of_tlb = min(cycles, late >> _SHIFT)
    words[core + STALLED + BY_TLB] += of_tlb
    words[core + STALLED + cause] += cycles - of_tlb
    counter[STALL] += cycles << _SHIFT
    return int(cycles << _SHIFT)


def await_miss(words: Any, core: int, counter: Any, at: int, now: int) -> int:
    """Stall until the miss at `at` has arrived; the time then."""
    if words[at + DONE] > now:
        now += stall(words, core, counter, words[at + DONE] - now, words[at + CAUSE], words[at + LATE])
    return now


def forget_arrived(words: Any, core: int, now: int) -> int:
    """Drop the misses that have arrived; how many are left."""
    ring, left = core + RING, 0
    for number in range(words[core + WAITING]):
        at = ring + number * MISS_WORDS
        if words[at + DONE] > now:
            if left != number:
                for word in range(MISS_WORDS):
                    words[ring + left * MISS_WORDS + word] = words[at + word]
            left += 1
    words[core + WAITING] = left
    return left


def arrival_of_pair(words: Any, core: int, line: int) -> int:
    """When the other line of a pair arrives, with which this one came along; 0: it does not wait."""
    for number in range(words[core + WAITING]):
        at = core + RING + number * MISS_WORDS
        if words[at + LINE] == line ^ 1:
            return int(words[at + DONE])
    return 0


def has_pointers(words: Any, ram: Any, line: int) -> bool:
    """Whether a value in the line may be an address of ring 3."""
    shift = words[LINE_SHIFT] - 3
    if line >= words[LINES]:
        return False
    for place in range(line << shift, (line + 1) << shift):
        if ram[place] >= _SMALLEST_POINTER and ram[place] >> 47 == 0:
            return True
    return False


def points_to(words: Any, ram: Any, root: int, holder: int, line: int) -> bool:
    """Whether the line `holder` holds a pointer to `line` or to an object that may reach it."""
    shift = words[LINE_SHIFT]
    address = line << shift
    first = holder << (shift - 3)
    for place in range(first, first + (1 << (shift - 3))):
        value = ram[place]
        if value < _SMALLEST_POINTER or value >> 47 != 0:
            continue
        behind = (address & 4095) - (value & 4095 & ~((1 << shift) - 1))
        if behind < 0 or behind >= _LONGEST_OBJECT:
            continue
        frame, _, code = walk(ram, words[LINES] << (shift - 3), root, value, USER, False)
        if code == OK and frame == address & ~4095:
            return True
    return False


def pay(
    words: Any,
    core: int,
    counter: Any,
    ram: Any,
    root: int,
    line: int,
    latency: int,
    cause: int,
    late: int,
    arrival: int,
    store: bool,
) -> None:
    """A miss of `latency` besides `late`, which the translation takes; `arrival`: of a line on its way, not before."""
    now = counter[REF_TIME] + counter[STALL]
    if words[BOUND] == _SERIAL:
        stall(words, core, counter, max(latency + late, arrival - now), cause, late)
        return
    begun, ring = counter[REF_INSTRUCTIONS], core + RING
    now = resolve_branch(words, core, counter, now)
    for number in range(words[core + WAITING]):
        at = ring + number * MISS_WORDS
        if words[at + IS_STORE] == 0 and begun - words[at + BEGUN] >= words[WINDOW]:
            now = await_miss(words, core, counter, at, now)
    left = forget_arrived(words, core, now)
    while left >= words[MISSES]:
        first = ring
        for number in range(1, left):
            at = ring + number * MISS_WORDS
            if words[at + DONE] < words[first + DONE]:
                first = at
        now = await_miss(words, core, counter, first, now)
        left = forget_arrived(words, core, now)
    begin = now
    if words[BOUND] != _OVERLAPPED:
        for at in range(ring + (left - 1) * MISS_WORDS, ring - 1, -MISS_WORDS):  # the latest first
            if words[at + HAS_POINTERS] and points_to(words, ram, root, words[at + LINE], line):
                begin = words[at + DONE]
                break
        if begin > now:
            words[core + COUNTS + DEPENDENT] += 1
    if cause == BY_MEMORY:
        begin = max(begin, words[core + MEMORY_FREE] - late)
        words[core + MEMORY_FREE] = begin + late + words[MEMORY_GAP]
    at = ring + left * MISS_WORDS
    words[at + DONE] = max(begin + late + latency, arrival)
    words[at + BEGUN], words[at + LINE], words[at + CAUSE] = begun, line, cause
    words[at + LATE], words[at + IS_STORE] = late, store
    words[at + HAS_POINTERS] = words[BOUND] != _OVERLAPPED and not store and has_pointers(words, ram, line)
    words[core + WAITING] = left + 1


def resolve_branch(words: Any, core: int, counter: Any, now: int) -> int:
    """After a misprediction, the core has gone on when the loads before it were there; the time now.

    Of a long wait only a share counts: what it has speculated meanwhile has begun later misses.
    """
    wrong = counter[MISPREDICTED] - 1
    counter[MISPREDICTED] = 0
    if wrong < 0 or words[BOUND] == _OVERLAPPED:
        return now
    last = done = 0
    for number in range(words[core + WAITING]):
        at = core + RING + number * MISS_WORDS
        if words[at + IS_STORE] == 0 and words[at + DONE] > done:
            last, done = at, words[at + DONE]
    if done > wrong:
        wait, short = done - wrong, words[L3_LATENCY]
        if wait > short:
            wait = short + ((wait - short) * words[EXPOSED] >> _SHIFT)
        now += stall(words, core, counter, wait, words[last + CAUSE], words[last + LATE])
        words[core + COUNTS + EXPOSED_MISSES] += 1
    return now


def settle_misses(words: Any, core: int, counter: Any, now: int) -> None:
    """The core leaves ring 3 at `now`: it waits for all loads."""
    now = resolve_branch(words, core, counter, now)
    for number in range(words[core + WAITING]):
        at = core + RING + number * MISS_WORDS
        if words[at + IS_STORE] == 0:
            now = await_miss(words, core, counter, at, now)
    words[core + WAITING] = 0
