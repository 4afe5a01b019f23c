"""I10 of docs/hardware-resolution.md for the workloads of compare: the same answers and files, whatever fills pages."""

from __future__ import annotations

import pytest

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.workload import CachedWorkload, CacheSetting
from guest.caching.workloads import WORKLOADS, named_workload
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_run import CacheRun
from tests.campaign import LONG

UNBOUNDED = 1 << 12
FRAMES = (0, 1, 64, UNBOUNDED)


def ran(workload: CachedWorkload, mechanism: str, quota: int, threads: int, frames: int = 64) -> CacheRun:
    """A run whose result and whose file at the end are, byte for byte, those of the workload."""
    (one,) = chosen_mechanisms(mechanism)
    done = run(workload, CacheSetting(one, quota, threads, frames=frames), MachineOptions())
    assert done.summary.correct, (mechanism, quota, threads, frames)
    return done


@pytest.mark.parametrize("name", WORKLOADS)
def test_answers_and_files_are_the_same_at_every_ring_size(name: str) -> None:
    """And without frames a run is pff's, with the declines on top, to the cycle."""
    workload = named_workload(name, 9)
    for mechanism in ("kernel", "uffd"):
        ran(workload, mechanism, 16, 1)
    pff = ran(workload, "pff", 16, 1)
    none, *others = (ran(workload, "hw", 16, 1, frames) for frames in FRAMES)
    charges = none.summary.charges
    declines = sum(cycles for cost, cycles in charges.items() if cost.startswith("cpu.directed."))
    assert abs(none.summary.cycles - pff.summary.cycles - declines) <= 1
    assert [done.total["fills"] for done in (none, *others)] == [pff.total["fills"]] * len(FRAMES)


@pytest.mark.skipif(not LONG, reason="PFFEMU_LONG=1")
@pytest.mark.parametrize("name", WORKLOADS)
def test_they_are_the_same_with_many_threads(name: str) -> None:
    workload = named_workload(name, 12)
    for threads in (4, 13):
        for mechanism in ("kernel", "uffd", "pff"):
            ran(workload, mechanism, workload.pages // 4, threads)
        for frames in FRAMES:
            ran(workload, "hw", workload.pages // 4, threads, frames)


def test_a_core_without_frames_takes_those_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rings of the first cores hold all that a small machine has: threads on the others evict to go on."""
    monkeypatch.setattr(CachedWorkload, "ram", lambda _workload, _threads: 10 << 20)
    done = ran(named_workload("fault", 12), "hw", 0, 12, 256)
    assert done.total["most_resident"] < 256
