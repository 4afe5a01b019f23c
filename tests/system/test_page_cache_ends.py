"""Threads under a quota get on whatever the disk takes, and whoever evicts: the run ends, with the right answer.

A thread that never sleeps for good may still fault for ever: so faults are counted, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.workload import CachedWorkload, CacheSetting
from guest.caching.workloads import WORKLOADS, named_workload
from kernel_model.mm.reclaim.file_memory import FAULT_AROUND, QUOTA_LEAST
from pffemu.arch.paging import PAGE_SIZE
from pffemu.cli import compare_run
from pffemu.events.kernel import KernelPageFault
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.timing import Profile
from tests.campaign import LONG, rounds

OPTIONS = MachineOptions()
SCALES = (9, 10, 11, 12) if LONG else (9, 10)
LEAST = QUOTA_LEAST // PAGE_SIZE
DISK = ("device.disk.read", "device.disk.write", "device.disk.byte")
NANOSECONDS = st.sampled_from([0, 0, 1, 10, 200, 1_000, 20_000, 69_000])
PERCENT = st.sampled_from(["0", "1", "10", "50", "100"])
_MOST_FAULTS = 20  # an operation


class FaultsForEver(Exception):
    pass


def limited(faults: int, sysctls: dict[str, str]) -> type[Machine]:
    """A machine that takes so many page faults at most."""

    class Limited(Machine):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.left = faults
            self.kernel.sysctls.update(sysctls)
            self.events.listeners[KernelPageFault] = self._count

        def _count(self, event: Any) -> None:
            self.left -= 1
            if self.left < 0:
                raise FaultsForEver(event)

    return Limited


def with_disk(read: int, write: int, bytes_take_time: bool) -> Profile:
    """The default profile with another disk. `read`, `write`: ns."""
    profile = OPTIONS.cpu.profile
    changed: dict[str, dict[str, Any]] = {
        DISK[0]: {"value": read, "unit": "ns"},
        DISK[1]: {"value": write, "unit": "ns"},
    }
    if not bytes_take_time:
        changed[DISK[2]] = {"value": 0}
    entries = {**profile.entries, **{name: replace(profile.entries[name], **new) for name, new in changed.items()}}
    return Profile.of(profile.name, profile.machine, profile.frequency, entries, profile.hierarchy)


@cache
def workload(name: str, scale: int) -> CachedWorkload:
    return named_workload(name, scale)


@settings(max_examples=rounds(15, 600), deadline=None)
@given(
    name=st.sampled_from(sorted(WORKLOADS)), scale=st.sampled_from(SCALES), pages=st.integers(LEAST, 4 * LEAST),
    threads=st.sampled_from([1, 2, 3, 4, 8, 16]), read=NANOSECONDS, write=NANOSECONDS, bytes_take_time=st.booleans(),
    around=st.sampled_from(FAULT_AROUND), preemption=st.booleans(), background=PERCENT, limit=PERCENT,
    period=st.sampled_from(["0", "1", "500"]),
)  # fmt: skip
def test_a_run_on_the_page_cache_ends(
    name: str, scale: int, pages: int, threads: int, read: int, write: int, bytes_take_time: bool, around: int,
    preemption: bool, background: str, limit: str, period: str,
) -> None:  # fmt: skip
    made, (kernel,) = workload(name, scale), chosen_mechanisms("kernel")
    cores = replace(OPTIONS.cpu, profile=with_disk(read, write, bytes_take_time))
    options = replace(OPTIONS, cpu=cores, fault_around=around, wakeup_preemption=preemption)
    sysctls = {
        "vm.dirty_background_ratio": background, "vm.dirty_ratio": limit, "vm.dirty_writeback_centisecs": period,
    }  # fmt: skip
    usual, compare_run.Machine = compare_run.Machine, limited(_MOST_FAULTS * made.operations + 1000, sysctls)
    try:
        done = compare_run.run(made, CacheSetting(kernel, pages, threads, on_disk=True), options)
    finally:
        compare_run.Machine = usual
    assert done.summary.correct
