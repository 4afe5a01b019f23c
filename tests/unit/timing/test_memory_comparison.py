"""The comparison of the hierarchy with a host: what is fitted to which measurement."""

from __future__ import annotations

import pytest

from tests.bench.memory_hierarchy import POINTS, entries_to_fit


@pytest.mark.parametrize(("l3_mib", "memory_mib"), [(4, 16), (8, 16), (16, 64), (32, 64)])
def test_memorys_latency_is_fitted_to_a_chase_that_leaves_the_third_level(l3_mib: int, memory_mib: int) -> None:
    fits = entries_to_fit(POINTS, l3_mib * 1024)
    assert [point.size for point, entry in fits.items() if entry == "memory.latency"] == [memory_mib * 1024]
    assert ("walk.latency" in fits.values()) == (memory_mib == 16)
    assert [point for point in POINTS if point.kind != "chase"] == [point for point in fits if point.kind != "chase"]
