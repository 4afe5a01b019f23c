"""R-MAT graphs as compressed sparse rows, and the reference BFS for a guest's BFS.

    R-MAT: a recursive model for graph mining (Chakrabarti, Zhan, Faloutsos; SDM 2004)
    Graph500's parameters: a=.57 b=.19 c=.19 d=.05, 2^scale vertices, edge_factor * 2^scale generated edges

The graph is undirected: each generated edge is stored in both directions, so `edge_count` is 2 * edge_factor * 2^scale.
Self loops and duplicate edges stay in, as in Graph500 (a self loop is thus twice in its vertex's list). Labels are
permuted, so that the degree of a vertex does not follow from its number.

LLNL's umap-apps (src/bfs), whose BFS PFF-UINTR ran, builds its graphs the same way: these parameters, both directions,
scrambled labels, 64-bit index and edges, the index first. Two things differ: adjacency lists are sorted here, umap's
are in the order of arrival. And a b c d are the same at every level, as in Graph500; umap varies them by 10 %.

The same arguments give the same graph everywhere: only PCG64's raw 64-bit output and SeedSequence are used, and numpy
keeps both streams stable; `Generator`'s methods, which numpy may change, are not. CHUNK is part of that promise.

Read next: guest/asm, whose BFS walks these arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pffemu.errors import UsageError

UNREACHED: Final = 0xFFFF  # level of a vertex that the source does not reach

SCALES: Final = range(1, 27)
EDGE_FACTORS: Final = range(1, 257)

# Where quadrants a, b, c end among 16-bit draws (b sets the bit of dst, c that of src, d both); at most 1e-5 off.
END_OF_A: Final = np.uint16(round(0.57 * 65536))
END_OF_B: Final = np.uint16(round(0.76 * 65536))
END_OF_C: Final = np.uint16(round(0.95 * 65536))

CHUNK: Final = 1 << 16  # edges generated at a time, so that their data stays in the cache
GATHER: Final = 1 << 18  # edges that the reference BFS handles at a time, for the same reason


@dataclass(frozen=True, slots=True, eq=False)
class CsrGraph:
    """The neighbours of `v` are `edges[index[v]:index[v + 1]]`, ascending. `index` has one entry more than vertices.

    Both lie in `data`, the index first, as in the guest's file."""

    data: NDArray[np.uint64]
    vertices: int

    @property
    def index(self) -> NDArray[np.uint64]:
        return self.data[: self.vertices + 1]

    @property
    def edges(self) -> NDArray[np.uint64]:
        return self.data[self.vertices + 1 :]

    @property
    def edge_count(self) -> int:
        """Stored edges: twice the generated ones."""
        return len(self.edges)


def rmat(scale: int, edge_factor: int, seed: int) -> CsrGraph:
    """The graph of 2^scale vertices and edge_factor * 2^scale generated edges that belongs to `seed` (0 or more)."""
    for name, value, allowed in (("scale", scale, SCALES), ("edge factor", edge_factor, EDGE_FACTORS)):
        if value not in allowed:
            raise UsageError(
                f"{name} {value} is out of range", where="R-MAT", remedy=f"{allowed[0]} to {allowed[-1]} are possible"
            )
    if seed < 0:
        raise UsageError(f"seed {seed} is negative", where="R-MAT", remedy="use 0 or more")
    stored = 2 * edge_factor << scale
    try:
        graph = CsrGraph(np.empty((1 << scale) + 1 + stored, np.uint64), 1 << scale)
        _generate(graph.edges.reshape(2, stored // 2), scale, np.random.PCG64(seed))
        _sort(graph)
        return graph
    except MemoryError as error:
        raise UsageError(
            f"a graph of {stored:,} stored edges does not fit in this host's memory",
            where="R-MAT",
            remedy=f"a smaller scale or edge factor; this one takes about {stored * 8 >> 20:,} MiB",
        ) from error


def _generate(keys: NDArray[np.uint64], scale: int, raw: np.random.PCG64) -> None:
    """Both directions of each generated edge, unsorted, as source << 32 | destination."""
    generated = keys.shape[1]
    # A stable sort of raw draws is a permutation that no numpy version draws differently.
    label = np.argsort(raw.random_raw(1 << scale), kind="stable").astype(np.uint64)
    for start in range(0, generated, CHUNK):
        count = min(CHUNK, generated - start)
        src, dst = (label.take(ends) for ends in _endpoints(scale, count, raw))
        keys[0, start : start + count] = src << 32 | dst
        keys[1, start : start + count] = dst << 32 | src


def _endpoints(scale: int, count: int, raw: np.random.PCG64) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Ends of `count` edges before labels are permuted: one quadrant is drawn for each bit, highest bit first."""
    src, dst = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
    for top in range(scale, 0, -8):
        # Eight levels at most go into bytes first, which the CPU handles 64 at a time.
        src_byte, dst_byte = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
        levels = min(top, 8)
        for _ in range(levels):
            draws = raw.random_raw((count + 3) // 4).astype("<u8", copy=False).view("<u2")[:count]
            lower = draws >= END_OF_B
            right = (draws >= END_OF_A) ^ lower ^ (draws >= END_OF_C)
            src_byte += src_byte
            src_byte |= lower.view(np.uint8)
            dst_byte += dst_byte
            dst_byte |= right.view(np.uint8)
        src = src << np.uint32(levels) | src_byte
        dst = dst << np.uint32(levels) | dst_byte
    return src, dst


def _sort(graph: CsrGraph) -> None:
    """Rows from edge keys, in place: sort the keys, look up the index in them, and strip their sources."""
    keys = graph.edges
    # Sorting is most of the work and numpy lets go of the interpreter for it: each half gets a core.
    half = len(keys) // 2
    keys.partition(half)
    with ThreadPoolExecutor(2) as cores:
        list(cores.map(np.ndarray.sort, (keys[:half], keys[half:])))
    first_keys = np.arange(graph.vertices + 1, dtype=np.uint64) << np.uint64(32)
    graph.index[:] = np.searchsorted(keys, first_keys)
    keys &= np.uint64(0xFFFFFFFF)


def first_connected_vertex(index: NDArray[np.uint64]) -> int:
    """The lowest vertex that has a neighbour: the benchmark's source."""
    connected = np.diff(index) > 0
    if not connected.any():
        raise UsageError("the graph has no edges", where="BFS source", remedy="use a graph with at least one edge")
    return int(connected.argmax())


def bfs_levels(graph: CsrGraph, source: int) -> NDArray[np.uint16]:
    """Distance of every vertex from `source` in edges; UNREACHED without a path."""
    if not 0 <= source < graph.vertices:
        raise UsageError(
            f"vertex {source} does not exist", where="BFS source", remedy=f"0 to {graph.vertices - 1} are possible"
        )
    index, edges = graph.index.view(np.int64), graph.edges.view(np.int64)
    levels = np.full(graph.vertices, UNREACHED, np.uint16)
    levels[source] = 0
    frontier = np.array([source], np.int64)
    for depth in range(1, UNREACHED):
        for neighbours in _neighbours(index, edges, frontier):
            levels[neighbours[levels.take(neighbours) == UNREACHED]] = depth
        frontier = np.flatnonzero(levels == depth)
        if not len(frontier):
            return levels
    raise UsageError("the graph is deeper than 65534 levels", where="BFS", remedy="use a graph with shorter paths")


def _neighbours(
    index: NDArray[np.int64], edges: NDArray[np.int64], frontier: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """The adjacency lists of `frontier`, joined, in pieces of about GATHER edges (a single list is never split)."""
    starts = index[frontier]
    degrees = index[frontier + 1] - starts
    ends = degrees.cumsum()
    # Position i of a joined piece lies in edges at i + (start of its list - number of edges before that list).
    shifts = starts - (ends - degrees)
    cuts = np.searchsorted(ends, np.arange(GATHER, ends[-1], GATHER))
    for first, last in pairwise(sorted({0, *cuts.tolist(), len(frontier)})):
        begin, end = ends[first] - degrees[first], ends[last - 1]
        yield edges.take(np.arange(begin, end) + shifts[first:last].repeat(degrees[first:last]))
