"""Workloads over an R-MAT graph that fills the file: bfs.s and pagerank.s."""

from __future__ import annotations

from typing import Final

import numpy as np

from guest.caching.numbers import U64, WORDS
from guest.caching.workload import CachedWorkload
from guest.graphs import UNREACHED, CsrGraph, bfs_levels, first_connected_vertex, rmat

EDGE_FACTOR: Final = 16
_SEED: Final = 1
_BASE, _DAMPING, _FIRST = np.uint64(39 << 24), np.uint64(217), np.uint64(1 << 32)  # pagerank.s


def bfs(name: str, scale: int) -> CachedWorkload:
    """Breadth-first search from the first connected vertex; operations are the edges it looks at."""
    graph = rmat(scale, EDGE_FACTOR, _SEED)
    source = first_connected_vertex(graph.index)
    levels = bfs_levels(graph, source)
    edges = int(np.diff(graph.index)[levels != UNREACHED].sum())
    return CachedWorkload(name, "bfs", _whole_pages(graph), edges, (graph.vertices, source), levels.tobytes())


def pagerank(name: str, scale: int, rounds: int) -> CachedWorkload:
    """PageRank; operations are the edges it looks at."""
    graph = rmat(scale, EDGE_FACTOR, _SEED)
    ranks = _ranks(graph, rounds)
    operations = rounds * graph.edge_count
    return CachedWorkload(name, "pagerank", _whole_pages(graph), operations, (graph.vertices, rounds), ranks.tobytes())


def _ranks(graph: CsrGraph, rounds: int) -> U64:
    degrees = np.diff(graph.index)
    shares = np.full(graph.vertices, _FIRST, np.uint64)
    ranks = shares
    edges, index = graph.edges.view(np.int64), graph.index.view(np.int64)
    for _ in range(rounds):
        sums = np.concatenate(([np.uint64(0)], np.cumsum(shares[edges], dtype=np.uint64)))
        ranks = (sums[index[1:]] - sums[index[:-1]]) * _DAMPING // np.uint64(256) + _BASE
        shares = ranks // np.maximum(degrees, np.uint64(1))
    return ranks


def _whole_pages(graph: CsrGraph) -> U64:
    words = -(-len(graph.data) // WORDS) * WORDS
    return np.concatenate((graph.data, np.zeros(words - len(graph.data), np.uint64)))
