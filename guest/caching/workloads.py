"""The workloads of `pffemu compare` by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from guest.caching.checkpoint import checkpoints
from guest.caching.graph import bfs, pagerank
from guest.caching.requests import btree, key_value
from guest.caching.touch import ASCENDING, ONCE, RANDOM, touch
from guest.caching.workload import CachedWorkload
from pffemu.errors import UsageError

SCALES: Final = range(8, 23)
_ROUNDS: Final = 3  # of PageRank
_CHECKPOINTS: Final = 4


class NamedWorkload(NamedTuple):
    """`make(scale)`: the workload; its file is about 2^scale * 256 bytes."""

    summary: str
    make: Callable[[int], CachedWorkload]


def _pages(scale: int) -> int:
    return 1 << scale - 4


WORKLOADS: Final = {
    "fault": NamedWorkload(
        "each page once, ascending, one word read",
        lambda scale: touch("fault", _pages(scale), _pages(scale)),
    ),
    "mmapbench": NamedWorkload(
        "random words read, four a page",
        lambda scale: touch("mmapbench", _pages(scale), 4 * _pages(scale), order=RANDOM),
    ),
    "mmapbench-write": NamedWorkload(
        "random words added to, four a page",
        lambda scale: touch("mmapbench-write", _pages(scale), 4 * _pages(scale), order=RANDOM, write=True),
    ),
    "mmapbench-seq": NamedWorkload(
        "one word of each page read, ascending, twice",
        lambda scale: touch("mmapbench-seq", _pages(scale), 2 * _pages(scale), order=ASCENDING),
    ),
    "mmapbench-seq-write": NamedWorkload(
        "one word of each page added to, ascending, twice",
        lambda scale: touch("mmapbench-seq-write", _pages(scale), 2 * _pages(scale), order=ASCENDING, write=True),
    ),
    "kv": NamedWorkload(
        "look-ups in a hash table by Zipf's law, 16 a page",
        lambda scale: key_value("kv", _pages(scale), 16 * _pages(scale)),
    ),
    "update": NamedWorkload(
        "additions to values of a hash table by Zipf's law, 8 a page: dirty evictions",
        lambda scale: key_value("update", _pages(scale), 8 * _pages(scale), write=True),
    ),
    "btree": NamedWorkload(
        "look-ups in a B+-tree by Zipf's law, 8 a page",
        lambda scale: btree("btree", _pages(scale), 8 * _pages(scale)),
    ),
    "bfs": NamedWorkload("breadth-first search of an R-MAT graph of 2^SCALE vertices", lambda scale: bfs("bfs", scale)),
    "pagerank": NamedWorkload(
        f"{_ROUNDS} rounds of PageRank on the same graph", lambda scale: pagerank("pagerank", scale, _ROUNDS)
    ),
    "scan": NamedWorkload(
        "all words of all pages read, ascending, twice, 16 pages asked for ahead",
        lambda scale: touch("scan", _pages(scale), 2 * _pages(scale), whole=True, ahead=16),
    ),
    "gc": NamedWorkload(
        f"{_CHECKPOINTS} rounds of stores to random words, each ended by a checkpoint: write protection",
        lambda scale: checkpoints("gc", _pages(scale), 4 * _pages(scale), _CHECKPOINTS),
    ),
    "migrate": NamedWorkload(
        "each page once, in scattered order, as after a post-copy migration",
        lambda scale: touch("migrate", _pages(scale), _pages(scale), order=ONCE),
    ),
}


def named_workload(name: str, scale: int) -> CachedWorkload:
    """The workload of this name. Raises UsageError."""
    if name not in WORKLOADS:
        raise UsageError(
            f"no workload {name!r}", where="compare", remedy=f"one of {', '.join(WORKLOADS)}, or a program"
        )
    if scale not in SCALES:
        raise UsageError(f"scale {scale} is out of range", remedy=f"{SCALES[0]} to {SCALES[-1]} are possible")
    return WORKLOADS[name].make(scale)
