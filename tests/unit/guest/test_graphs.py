"""guest.graphs: the generator follows R-MAT, the same everywhere; the reference BFS agrees with a plain one."""

from __future__ import annotations

import hashlib
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from guest import graphs
from guest.graphs import UNREACHED, CsrGraph, bfs_levels, first_connected_vertex, rmat
from pffemu.errors import UsageError


def plain_levels(graph: CsrGraph, source: int) -> list[int]:
    """Breadth-first search as a textbook has it."""
    index, edges = graph.index.tolist(), graph.edges.tolist()
    levels = [UNREACHED] * graph.vertices
    levels[source] = 0
    queue = deque([source])
    while queue:
        vertex = queue.popleft()
        for neighbour in edges[index[vertex] : index[vertex + 1]]:
            if levels[neighbour] == UNREACHED:
                levels[neighbour] = levels[vertex] + 1
                queue.append(neighbour)
    return levels


def from_pairs(vertices: int, pairs: list[tuple[int, int]]) -> CsrGraph:
    """The CSR graph of these undirected edges."""
    both = sorted([*pairs, *((b, a) for a, b in pairs)])
    degrees = np.bincount([a for a, _ in both], minlength=vertices)
    index = np.concatenate([[0], degrees.cumsum()]).astype(np.uint64)
    return CsrGraph(np.concatenate([index, np.array([b for _, b in both], np.uint64)]), vertices)


def sources(graph: CsrGraph) -> NDArray[np.int64]:
    """The source of each stored edge."""
    return np.arange(graph.vertices).repeat(np.diff(graph.index).astype(np.int64))


small_graphs = st.builds(rmat, scale=st.integers(1, 9), edge_factor=st.integers(1, 12), seed=st.integers(0, 2**32))


@given(small_graphs)
def test_edges_are_counted_sorted_and_symmetric(graph: CsrGraph) -> None:
    src, dst = sources(graph), graph.edges.astype(np.int64)
    assert graph.index[0] == 0
    assert graph.index[-1] == graph.edge_count == len(src)
    assert dst.max() < graph.vertices
    keys = src * graph.vertices + dst
    assert (np.diff(keys) >= 0).all()
    assert (np.sort(dst * graph.vertices + src) == keys).all()


@given(small_graphs, st.data())
def test_reference_bfs_agrees_with_a_plain_one(graph: CsrGraph, data: st.DataObject) -> None:
    source = data.draw(st.integers(0, graph.vertices - 1))
    levels = bfs_levels(graph, source)
    assert levels.dtype == np.uint16
    assert levels.tolist() == plain_levels(graph, source)


@settings(max_examples=30)
@given(small_graphs, st.integers(1, 50))
def test_reference_bfs_does_not_depend_on_its_piece_size(graph: CsrGraph, gather: int) -> None:
    source = first_connected_vertex(graph.index)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "GATHER", gather)
        assert bfs_levels(graph, source).tolist() == plain_levels(graph, source)


def test_bfs_on_a_path_an_island_and_a_lone_vertex() -> None:
    graph = from_pairs(7, [(0, 1), (1, 2), (2, 3), (4, 5), (4, 4)])
    assert bfs_levels(graph, 1).tolist() == [1, 0, 1, 2, UNREACHED, UNREACHED, UNREACHED]
    assert bfs_levels(graph, 6).tolist() == [UNREACHED] * 6 + [0]


def test_a_path_too_long_for_16_bit_levels_is_refused() -> None:
    graph = from_pairs(65_540, [(vertex, vertex + 1) for vertex in range(65_539)])
    with pytest.raises(UsageError, match="deeper than 65534"):
        bfs_levels(graph, 0)


@pytest.mark.parametrize("scale", [3, 8, 11, 16])
def test_edge_count_and_degrees(scale: int) -> None:
    graph = rmat(scale, 16, seed=5)
    assert graph.vertices == 1 << scale
    assert graph.edge_count == 2 * 16 << scale
    assert np.bincount(graph.edges.astype(np.int64), minlength=graph.vertices).tolist() == np.diff(graph.index).tolist()


@pytest.mark.parametrize("scale", [1, 7, 8, 9, 17])
def test_every_bit_falls_into_the_quadrants_as_often_as_rmat_says(scale: int) -> None:
    count = 200_000
    src, dst = graphs._endpoints(scale, count, np.random.PCG64(11))
    assert src.max() < 1 << scale
    assert dst.max() < 1 << scale
    expected = np.array([0.57, 0.19, 0.19, 0.05]) * count
    for bit in range(scale):
        seen = np.bincount((src >> bit & 1) * 2 + (dst >> bit & 1), minlength=4)
        # Chi square, 3 degrees of freedom: 30 is passed once in 700,000 fair draws.
        assert ((seen - expected) ** 2 / expected).sum() < 30


def test_labels_are_permuted() -> None:
    """Unpermuted, vertex 0 has the highest degree and the first half of the vertices 3 of 4 edge ends."""
    graph = rmat(14, 16, seed=1)
    degrees = np.diff(graph.index)
    assert degrees.argmax() != 0
    assert 0.4 < degrees[: graph.vertices // 2].sum() / graph.edge_count < 0.6


def test_the_same_arguments_give_the_same_graph_on_every_numpy() -> None:
    graph = rmat(10, 8, seed=42)
    digest = hashlib.sha256(graph.index.astype("<u8").tobytes() + graph.edges.astype("<u8").tobytes()).hexdigest()
    assert digest == "a211211bee2c90c6557b56083d6440ca3763a2eef1bd13097fabf929b4eba8b4"
    assert rmat(10, 8, seed=43).edges.tolist() != graph.edges.tolist()


def test_a_graph_of_several_chunks_is_pinned_too() -> None:
    assert graphs.CHUNK < 16 << 13
    graph = rmat(13, 16, seed=7)
    assert (
        hashlib.sha256(graph.edges.astype("<u8").tobytes()).hexdigest()
        == "787891b65e9ba64fa8c40d7c43d5e1bf64ad6888f569fff45795d0a2d1614eee"
    )


def test_first_connected_vertex_is_the_lowest_with_a_neighbour() -> None:
    assert first_connected_vertex(from_pairs(5, [(3, 4), (2, 4)]).index) == 2
    graph = rmat(12, 1, seed=3)
    first = first_connected_vertex(graph.index)
    assert graph.index[first] == 0
    assert graph.index[first + 1] > 0


def test_a_graph_without_edges_has_no_source() -> None:
    with pytest.raises(UsageError, match="no edges"):
        first_connected_vertex(from_pairs(3, []).index)


@pytest.mark.parametrize(
    ("scale", "edge_factor", "seed", "what"),
    [
        (0, 16, 1, "scale 0 is out of range"),
        (27, 16, 1, "scale 27 is out of range"),
        (10, 0, 1, "edge factor 0 is out of range"),
        (10, 257, 1, "edge factor 257 is out of range"),
        (10, 16, -1, "seed -1 is negative"),
    ],
)
def test_arguments_out_of_range_are_usage_errors(scale: int, edge_factor: int, seed: int, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        rmat(scale, edge_factor, seed)


@pytest.mark.parametrize("source", [-1, 8])
def test_a_source_outside_the_graph_is_a_usage_error(source: int) -> None:
    with pytest.raises(UsageError, match="0 to 7 are possible"):
        bfs_levels(rmat(3, 2, seed=1), source)


def test_a_graph_larger_than_the_host_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", no_memory)
    with pytest.raises(UsageError, match="does not fit"):
        rmat(10, 16, seed=1)
