"""Statistics of faults' latencies, exact: everything is in whole virtual cycles, without floats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_MANTISSA: Final = 2  # bits below the leading one: buckets are at most a quarter wide


@dataclass(frozen=True, slots=True)
class Latency:
    """Statistics of latencies. `histogram`: (a bucket's lowest value, count), ascending, without empty buckets."""

    faults: int
    minimum: int
    median: int
    p99: int
    maximum: int
    mean: int
    histogram: tuple[tuple[int, int], ...]
    percentiles: tuple[int, ...]  # 0 to 100

    @classmethod
    def of(cls, cycles: Sequence[int]) -> Latency:
        """Those of at least one latency. A percentile is the lowest value with at least that share at or below it."""
        ordered = sorted(cycles)
        count = len(ordered)
        buckets = Counter(map(bucket_of, ordered))
        return cls(
            faults=count,
            minimum=ordered[0],
            median=ordered[(count - 1) // 2],
            p99=ordered[(count * 99 + 99) // 100 - 1],
            maximum=ordered[-1],
            mean=sum(ordered) // count,
            histogram=tuple(sorted(buckets.items())),
            percentiles=tuple(ordered[max(0, (count * percent + 99) // 100 - 1)] for percent in range(101)),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "faults": self.faults, "min": self.minimum, "median": self.median, "p99": self.p99, "max": self.maximum,
            "mean": self.mean, "histogram": [list(bucket) for bucket in self.histogram],
            "percentiles": list(self.percentiles),
        }  # fmt: skip


def bucket_of(cycles: int) -> int:
    """The lowest value of the bucket of `cycles`."""
    shift = max(0, cycles.bit_length() - 1 - _MANTISSA)
    return cycles >> shift << shift
