"""A workload on the cache library, as a value: its guest, its file, its inputs, and what is right afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np

from guest.caching.mechanisms import CacheMechanism
from guest.caching.numbers import U64, WORDS
from pffemu.errors import UsageError

RESULT_FD: Final = 4
COUNTERS_FD: Final = 5
LATENCIES_FD: Final = 6
SMALLEST_QUOTA: Final = 16  # pages: more than all threads of a small run hold at once
PAGES_A_THREAD: Final = 2  # that a thread may need at the same time
MOST_THREADS: Final = 16
MOST_BATCH: Final = 64
MOST_FRAMES: Final = 1 << 16
MOST_PAGES: Final = 1 << 22
COUNTERS: Final = ("fills", "evictions", "writebacks", "write_faults", "most_resident")
NOT_OFFERED, NO_FILE, SHORT_FILE = 98, 97, 96  # exit codes of core.s


class Policy(Enum):
    """Which page is evicted (guest/asm/cache/policy.s)."""

    FIFO = "fifo"
    CLOCK = "clock"
    LRU = "lru"
    TWO_Q = "2q"

    @property
    def argument(self) -> int:
        return list(Policy).index(self)


@dataclass(frozen=True, slots=True, eq=False)
class CachedWorkload:
    """`content`: the file's words, whole pages. `operations`: what throughput counts. `result`: what the guest writes
    `after`: the file's words at the end; None: unchanged."""

    name: str
    guest: str  # a source in guest/asm/workloads
    content: U64
    operations: int
    numbers: tuple[int, ...]
    result: bytes
    after: U64 | None = None
    scattered: bool = False  # the workload says so: MADV_RANDOM
    inputs: Mapping[int, memoryview] = field(default_factory=dict)  # files by descriptor

    @property
    def pages(self) -> int:
        return len(self.content) // WORDS

    @property
    def stores(self) -> bool:
        return self.after is not None

    def quota_of(self, fraction: float) -> int:
        """The pages of a fraction of the file, for CacheSetting; 0: all, the fraction is 1."""
        return 0 if fraction == 1 else max(1, int(self.pages * fraction))

    def ram(self, threads: int) -> int:
        """Guest RAM in bytes that suffices under every mechanism."""
        inputs = sum(data.nbytes for data in self.inputs.values())
        needed = 4 * self.content.nbytes + 2 * inputs + 32 * self.pages + (threads + 8 << 18) + (96 << 20)
        return -(-needed >> 20) << 20


@dataclass(frozen=True, slots=True)
class CacheSetting:
    """How a workload runs: on which mechanism, with how much memory, with which threads."""

    mechanism: CacheMechanism
    quota: int = 0  # most resident pages; 0: all
    threads: int = 1
    policy: Policy = Policy.FIFO
    batch: int = 1  # pages evicted together
    handlers: int = 1  # handler threads, where the mechanism has them
    spare: int = 0  # pages that an evictor thread keeps free; 0: no such thread
    frames: int = 64  # of each core's ring, under hw
    on_disk: bool = False  # the file is on a disk with latency; otherwise it is in memory

    @property
    def cores(self) -> int:
        """A core for each thread."""
        return self.threads + (self.handlers if self.mechanism.helpers else 0) + (self.spare > 0)

    def check(self, workload: CachedWorkload) -> None:
        """Raises UsageError when the quota is below what the threads need at once."""
        least = max(SMALLEST_QUOTA, PAGES_A_THREAD * self.threads + self.batch + self.spare)
        if 0 < self.quota < least:
            raise UsageError(
                f"a quota of {self.quota} of {workload.pages} pages is below the working minimum of {least}",
                where=f"{workload.name}, {self.threads} threads",
                remedy="a larger --quota or --scale, or fewer --threads",
            )

    def arguments(self, workload: CachedWorkload) -> tuple[str, ...]:
        """The arguments of guest/asm/cache/threads.s."""
        numbers = (
            self.policy.argument, self.quota, self.batch, self.threads, self.handlers, self.spare, self.frames,
            workload.pages, int(workload.stores), int(self.policy is Policy.LRU), int(self.on_disk),
            int(workload.scattered), *workload.numbers,
        )  # fmt: skip
        return (self.mechanism.guest, *map(str, numbers))


def word(value: int | np.uint64) -> bytes:
    """A result of one 8-byte word."""
    return (int(value) & (1 << 64) - 1).to_bytes(8, "little")
