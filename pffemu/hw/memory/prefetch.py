"""The prefetcher: it recognises streams of first-level misses and fetches the lines ahead into the second level.

Sixteen streams at a time, one in a block of 64 lines (4 KiB), up or down by one line. Two steps train it. A trained one
goes on into the block beside it, as where pages that follow each other lie in frames that do; where they do not, the
stream that has reached an edge goes on at the edge of the next block that is touched. No other stride is recognised.
"""

from __future__ import annotations

from typing import Any, Final

from pffemu.hw.memory.fetch import keep_in_l3, l2_set
from pffemu.hw.memory.layout import (
    AHEAD,
    ARRIVALS,
    BLOCK_LINES,
    CORE_WORDS,
    CORES,
    COUNTS,
    FIRST_CORE,
    IN_USE,
    L2_WAYS,
    L3,
    L3_LATENCY,
    L3_SETS,
    L3_WAYS,
    LINES,
    MEMORY_FREE,
    MEMORY_GAP,
    MEMORY_LATENCY,
    NEXT_STREAM,
    PLACE,
    PREFETCHES,
    REACHED,
    RUN_ON,
    STEP,
    STREAM_BLOCKS,
    STREAM_COUNT,
    STREAM_WORDS,
    STREAMS,
    TRAINED,
)
from pffemu.hw.memory.sets import front, place_of, push

_ENOUGH: Final = 2  # steps


def stream_of(words: Any, core: int, line: int) -> int:
    """Index of the stream in this line's block, or of a trained one that comes in from the block beside; 0: none."""
    block, beside = line // BLOCK_LINES + 1, -1
    for number in range(STREAM_COUNT):
        step = block - words[core + STREAM_BLOCKS + number]
        if step == 0:
            return int(core + STREAMS + number * STREAM_WORDS)
        if step == 1 or step == -1:
            at = core + STREAMS + number * STREAM_WORDS
            if words[at + TRAINED] >= _ENOUGH and words[at + STEP] == step and line - words[at + PLACE] == step:
                beside = number
    if beside < 0:
        return 0
    words[core + STREAM_BLOCKS + beside] = block
    return int(core + STREAMS + beside * STREAM_WORDS)


def begin_stream(words: Any, core: int, line: int) -> int:
    """Replace the oldest stream by one at this line; its index."""
    number = words[core + NEXT_STREAM]
    words[core + NEXT_STREAM] = (number + 1) % STREAM_COUNT
    at, place = core + STREAMS + number * STREAM_WORDS, line % BLOCK_LINES
    words[core + STREAM_BLOCKS + number] = line // BLOCK_LINES + 1
    words[at + PLACE], words[at + REACHED] = line, line
    step = words[core + RUN_ON]
    goes_on = (step == 1 and place == 0) or (step == -1 and place == BLOCK_LINES - 1)
    words[at + STEP], words[at + TRAINED] = (step, _ENOUGH) if goes_on else (0, 0)
    if goes_on:
        forget_arrivals(words, at)
    return int(at)


def forget_arrivals(words: Any, at: int) -> None:
    """A stream is trained from now on: none of its lines is awaited."""
    for word in range(ARRIVALS, STREAM_WORDS):
        words[at + word] = 0


def train(words: Any, core: int, line: int, now: int) -> int:
    """A first-level miss: the time at which the line arrives if it is being prefetched, else 0."""
    at = stream_of(words, core, line)
    if at == 0:
        at = begin_stream(words, core, line)
        if words[at + TRAINED] < _ENOUGH:
            return 0
    step = line - words[at + PLACE]
    if step == 1 or step == -1:
        was_trained = words[at + TRAINED] >= _ENOUGH
        words[at + TRAINED] = words[at + TRAINED] + 1 if step == words[at + STEP] else 1
        if words[at + TRAINED] >= _ENOUGH and not was_trained:
            forget_arrivals(words, at)
        words[at + STEP] = step
        words[at + PLACE] = line
    elif step != 0 and words[at + TRAINED] < _ENOUGH:
        words[at + PLACE] = line
    if words[at + TRAINED] < _ENOUGH:
        return 0
    arrival = words[at + ARRIVALS + line % BLOCK_LINES]
    words[at + ARRIVALS + line % BLOCK_LINES] = 0
    if words[at + PLACE] == line:
        run_ahead(words, core, at, line, now)
    return int(arrival)


def run_ahead(words: Any, core: int, at: int, line: int, now: int) -> None:
    """Fetch the lines in front of a trained stream that is at `line`."""
    step = words[at + STEP]
    if line % BLOCK_LINES == (BLOCK_LINES - 1 if step == 1 else 0):
        words[core + RUN_ON] = step
    reached = words[at + REACHED]
    if (reached - line) * step < 0 or (reached - line) * step > BLOCK_LINES:
        reached = line
    while (reached - line) * step < words[AHEAD] and reached + step >= 0:
        reached += step
        words[at + ARRIVALS + reached % BLOCK_LINES] = prefetched(words, core, reached, now)
    words[at + REACHED] = reached


def prefetched(words: Any, core: int, line: int, now: int) -> int:
    """Bring a line into the second level, unless a core has it; the time at which it arrives (0: it is there)."""
    if line >= words[LINES]:
        return 0
    ways = words[L2_WAYS]
    for number in range(words[CORES]):
        other = words[FIRST_CORE] + number * words[CORE_WORDS]
        if words[other + IN_USE] and place_of(words, l2_set(words, other, line), ways, line + 1, 1) >= 0:
            return 0
    words[core + COUNTS + PREFETCHES] += 1
    if front(words, L3 + line % words[L3_SETS] * words[L3_WAYS], words[L3_WAYS], line + 1, 1) != 0:
        arrival = now + words[L3_LATENCY]
    else:
        begin = max(now, words[core + MEMORY_FREE])
        words[core + MEMORY_FREE] = begin + words[MEMORY_GAP]
        arrival = begin + words[MEMORY_LATENCY]
    exclusive = words[CORES] == 1  # else a store asks the other cores
    left = push(words, l2_set(words, core, line), ways, (line + 1) << 1 | exclusive)
    if left != 0:
        keep_in_l3(words, (left >> 1) - 1)
    return int(arrival)
