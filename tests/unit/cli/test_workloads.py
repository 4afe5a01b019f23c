"""The benchmarks' workloads: arguments, files, memory and answers."""

from __future__ import annotations

import numpy as np
import pytest

from guest.graphs import UNREACHED
from guest.workloads import GRAPH_FD, MOST_PAGES, FaultWorkload, bfs_workload
from pffemu import UsageError


def test_fault_arguments() -> None:
    assert FaultWorkload(7, write=True, copy=False).arguments == ("7", "1", "0", "0", "1", "0", "1")
    assert FaultWorkload(7, minor=True, handler_threads=3).arguments == ("7", "0", "0", "2", "1", "0", "3")


@pytest.mark.parametrize(
    ("write", "copy", "userfaultfd", "total"),
    [(False, True, True, 6), (False, True, False, 0), (False, False, True, 0), (True, False, False, 6)],
)
def test_fault_answer(write: bool, copy: bool, userfaultfd: bool, total: int) -> None:
    expected = FaultWorkload(3, write=write, copy=copy).expected(userfaultfd=userfaultfd)
    assert expected == total.to_bytes(8, "little")


@pytest.mark.parametrize("pages", [0, -1, MOST_PAGES + 1])
def test_impossible_pages(pages: int) -> None:
    with pytest.raises(UsageError, match="pages"):
        FaultWorkload(pages)


def test_bfs_workload() -> None:
    workload = bfs_workload(6, 4, 1)
    assert workload.arguments == ("64", str(2 * 4 * 64), str(workload.source), "0", "0", "0")
    data = np.frombuffer(workload.files[GRAPH_FD], np.uint64)
    assert len(data) == 64 + 1 + 2 * 4 * 64
    assert data[64] == 2 * 4 * 64
    levels = np.frombuffer(workload.expected(userfaultfd=True), np.uint16)
    assert levels[workload.source] == 0
    assert (levels[levels != UNREACHED] < 64).all()
    assert workload.region_pages == 2


def test_memory_grows_with_the_input() -> None:
    assert FaultWorkload(1 << 20).ram > 2 * (1 << 32)
    assert bfs_workload(8, 4, 1).ram < bfs_workload(14, 16, 1).ram
