"""Percentiles are values that occurred, buckets hold what they say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pffemu.report.latency import Latency, bucket_of


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=300))
def test_every_number_is_what_its_name_says(cycles: list[int]) -> None:
    told = Latency.of(cycles)
    assert (told.minimum, told.maximum, told.faults) == (min(cycles), max(cycles), len(cycles))
    assert told.median in cycles
    assert told.p99 in cycles
    assert 2 * sum(one <= told.median for one in cycles) >= len(cycles)
    assert 100 * sum(one <= told.p99 for one in cycles) >= 99 * len(cycles)
    assert sum(count for _, count in told.histogram) == len(cycles)
    lowest = [low for low, _ in told.histogram]
    assert lowest == sorted(set(lowest)) == sorted({bucket_of(one) for one in cycles})


@given(st.integers(0, 1 << 60))
def test_a_bucket_is_at_most_a_quarter_wide(cycles: int) -> None:
    low = bucket_of(cycles)
    assert low <= cycles
    assert 4 * (cycles - low) <= cycles
    assert bucket_of(low) == low
