"""The benchmarks as values: a guest, its arguments and files, and the result it must write.

A workload does not depend on the machine: the same one runs in every mode. Guests write their result to RESULT_FD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from guest import graph_cache
from guest.graph_cache import CachedData
from guest.graphs import bfs_levels, first_connected_vertex, rmat
from guest.handlers import Eviction, Handler
from kernel_model.files.ram_file import Content
from pffemu.arch.paging import PAGE_SIZE, pages_up
from pffemu.errors import UsageError

GRAPH_FD: Final = 3
RESULT_FD: Final = 4
MOST_PAGES: Final = 1 << 26  # of the fault benchmark: 256 GiB
MOST_THREADS: Final = 16
CACHED_FROM: Final = 18  # scale; a smaller graph is built as fast as it would be read
SMALLEST_BUDGET: Final = 16  # resident pages: more than an instruction and its handler need at once

_SLACK: Final = 64 << 20  # bytes for the program, its stacks and the kernel's own
_WORD: Final = 8  # bytes


class Workload(Protocol):
    """A benchmark. Sizes are bytes."""

    @property
    def guest(self) -> str:
        """Name of the guest's source in guest/asm."""
        ...

    @property
    def arguments(self) -> tuple[str, ...]: ...

    @property
    def files(self) -> Mapping[int, memoryview | Content]:
        """Content of the files the guest finds open, by descriptor."""
        ...

    @property
    def region_pages(self) -> int:
        """Pages that are brought in on demand: about as many faults."""
        ...

    @property
    def ram(self) -> int:
        """Guest RAM that suffices in every mode."""
        ...

    def expected(self, *, userfaultfd: bool) -> bytes:
        """The right result; it may depend on whether the machine offers userfaultfd."""
        ...


@dataclass(frozen=True, slots=True)
class FaultWorkload:
    """Touch every page of a region once.

    `copy`: pages are copied from a backing mapping; otherwise they are zeroed. `minor`: neither; they are in the page
    cache of a memfd already, and are only mapped (UFFDIO_CONTINUE).
    """

    pages: int
    write: bool = False
    random: bool = False
    copy: bool = True
    threads: int = 1  # threads that fault, each in its slice of the region
    handler: Handler = Handler.READ
    minor: bool = False
    handler_threads: int = 1  # threads that handle faults, except with Handler.SIGBUS
    # mode hw: frames of each core's ring (None: one a page), its low-water mark, and frames of a refill (0: none)
    frames: int | None = None
    low: int = 0
    batch: int = 0
    own_areas: bool = False  # each thread's slice is an area (VMA) of its own
    guest: str = field(default="fault_bench", init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.pages <= MOST_PAGES:
            raise UsageError(
                f"{self.pages} pages are not possible", where="fault benchmark", remedy=f"use 1 to {MOST_PAGES}"
            )
        if self.frames is not None and not max(self.low, self.batch) <= self.frames <= MOST_PAGES:
            what = f"rings of {self.frames} frames with a low-water mark of {self.low} and batches of {self.batch}"
            raise UsageError(what, where="fault benchmark", remedy="neither can be more than the ring has")
        for what, count in (("threads", self.threads), ("handler threads", self.handler_threads)):
            if not 1 <= count <= MOST_THREADS:
                raise UsageError(
                    f"{count} {what} are not possible", where="fault benchmark", remedy=f"use 1 to {MOST_THREADS}"
                )

    @property
    def arguments(self) -> tuple[str, ...]:
        choices = map(str, (int(self.write), int(self.random), 2 if self.minor else int(self.copy)))
        frames = self.pages // self.threads + 1 if self.frames is None else self.frames
        rings = (str(frames), str(self.low), str(self.batch)) if self.frames is not None or self.own_areas else ()
        last = (*rings, "1") if self.own_areas else rings
        return (str(self.pages), *choices, str(self.threads), self.handler.argument, str(self.handler_threads), *last)

    @property
    def files(self) -> Mapping[int, memoryview | Content]:
        return {}

    @property
    def region_pages(self) -> int:
        return self.pages

    @property
    def ram(self) -> int:
        return _with_page_tables(2 * self.pages * PAGE_SIZE)

    def expected(self, *, userfaultfd: bool) -> bytes:
        """The sum of the touched words: page i holds i + 1 once it is written, or copied, or in the memfd."""
        filled = self.write or self.minor or (self.copy and userfaultfd)
        total = self.pages * (self.pages + 1) // 2 if filled else 0
        return total.to_bytes(_WORD, "little")


@dataclass(frozen=True, slots=True)
class SignalWorkload:
    """Touch every page of a protected region once; a SIGSEGV handler lifts the protection of each (mprotect)."""

    pages: int
    guest: str = field(default="signal_bench", init=False)
    files: Mapping[int, memoryview | Content] = field(default_factory=dict, init=False)

    @property
    def arguments(self) -> tuple[str, ...]:
        return (str(self.pages),)

    @property
    def region_pages(self) -> int:
        return self.pages

    @property
    def ram(self) -> int:
        return _with_page_tables(self.pages * PAGE_SIZE)

    def expected(self, *, userfaultfd: bool) -> bytes:
        """The number of signals: one a page."""
        return self.pages.to_bytes(_WORD, "little")


@dataclass(frozen=True, slots=True, eq=False)
class BfsWorkload:
    """Breadth-first search over an R-MAT graph from its first connected vertex; `bfs_workload` makes one."""

    data: memoryview | CachedData  # index, then edges
    vertices: int
    source: int
    levels: NDArray[np.uint16]
    budget: int = 0  # most resident pages; 0: no limit
    eviction: Eviction = Eviction.FIFO
    handler: Handler = Handler.READ
    guest: str = field(default="bfs", init=False)

    @property
    def arguments(self) -> tuple[str, ...]:
        edges = self.data.nbytes // _WORD - self.vertices - 1
        numbers = (self.vertices, edges, self.source, self.budget)
        return (*map(str, numbers), self.eviction.argument, self.handler.argument)

    @property
    def files(self) -> Mapping[int, memoryview | Content]:
        return {GRAPH_FD: self.data}

    @property
    def region_pages(self) -> int:
        return pages_up(self.data.nbytes) // PAGE_SIZE

    @property
    def ram(self) -> int:
        levels_and_visited = 2 * self.vertices + self.vertices // 8
        return _with_page_tables(2 * self.data.nbytes + levels_and_visited)

    def expected(self, *, userfaultfd: bool) -> bytes:
        """The levels of all vertices, in either case."""
        return self.levels.tobytes()


def resident_fraction(value: float) -> Fraction:
    """`value` as a fraction. Raises UsageError unless it is in (0, 1]."""
    if not 0 < value <= 1:
        raise UsageError(f"a resident fraction of {value:g}", remedy="use more than 0, and 1 at most")
    return Fraction(str(value))


def with_resident(workload: BfsWorkload, fraction: Fraction, eviction: Eviction) -> BfsWorkload:
    """The same search with at most `fraction` of the graph's pages in memory."""
    budget = 0 if fraction == 1 else max(SMALLEST_BUDGET, int(workload.region_pages * fraction))
    return replace(workload, budget=budget, eviction=eviction)


def bfs_workload(scale: int, edge_factor: int, seed: int) -> BfsWorkload:
    """BFS over the R-MAT graph of these parameters. Raises UsageError when one is out of range.

    A large graph stays in its cache file: each machine reads it into its own RAM, and the host keeps no copy.
    """
    name = f"rmat-s{scale}-e{edge_factor}-{seed}"
    if scale >= CACHED_FROM and (cached := _cached(name, scale, edge_factor)) is not None:
        return cached
    graph = rmat(scale, edge_factor, seed)
    source = first_connected_vertex(graph.index)
    levels = bfs_levels(graph, source)
    if scale >= CACHED_FROM:
        graph_cache.store(name, graph.data, levels)
        if (cached := _cached(name, scale, edge_factor)) is not None:
            return cached
    return BfsWorkload(graph.data.data.cast("B"), graph.vertices, source, levels)


def _cached(name: str, scale: int, edge_factor: int) -> BfsWorkload | None:
    loaded = graph_cache.load(name, (1 << scale) + 1 + (2 * edge_factor << scale), 1 << scale)
    if loaded is None:
        return None
    data, index, levels = loaded
    return BfsWorkload(data, 1 << scale, first_connected_vertex(index), levels)


def _with_page_tables(data: int) -> int:
    """Bytes of RAM that hold `data` bytes mapped twice over, rounded up to whole MiB."""
    needed = data + data // 128 + _SLACK
    return -(-needed >> 20) << 20
