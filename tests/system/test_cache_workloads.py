"""Every workload of compare gives the right answer and file: a few of the combinations, with PFFEMU_LONG=1 all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from guest.caching.mechanisms import MECHANISMS, CacheMechanism, chosen_mechanisms
from guest.caching.touch import RANDOM, touch
from guest.caching.workload import CachedWorkload, CacheSetting, Policy
from guest.caching.workloads import WORKLOADS, named_workload
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from tests.campaign import LONG

ROOT = Path(__file__).parents[2]
OPTIONS = MachineOptions()
SCALE = 9  # 32 pages
LONG_SCALE = 12
CROWDED = 336  # pages
THREADS = (3, 1, 7, 2)
FEW = [
    (name, MECHANISMS[(at + 5 * turn) % len(MECHANISMS)].name, THREADS[(at + turn) % len(THREADS)])
    for at, name in enumerate(WORKLOADS)
    for turn in range(2)
]  # fmt: skip

ALL = [(name, one.name) for one in MECHANISMS for name in WORKLOADS] if LONG else []


@cache
def workload(name: str, scale: int) -> CachedWorkload:
    return named_workload(name, scale)


@pytest.mark.parametrize(("name", "mechanism", "threads"), FEW)
def test_a_workload_is_right_under_a_mechanism(name: str, mechanism: str, threads: int) -> None:
    (one,) = chosen_mechanisms(mechanism)
    made = workload(name, SCALE)
    done = run(made, CacheSetting(one, max(made.pages // 2, 2 * threads + 1), threads), OPTIONS)
    assert done.summary.correct


@pytest.mark.parametrize(("threads", "quota"), [(1, 0.1), (16, 0.1), (16, 1)])
@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda one: one.name)
def test_one_guest_is_right_from_1_to_16_threads_and_from_a_tenth_to_all_pages(
    mechanism: CacheMechanism, threads: int, quota: float
) -> None:
    made = touch("update", CROWDED, CROWDED // 2, order=RANDOM, write=True)
    setting = CacheSetting(mechanism, made.quota_of(quota), threads)
    setting.check(made)
    assert run(made, setting, OPTIONS).summary.correct


@pytest.mark.parametrize(("name", "mechanism"), ALL)
def test_all_workloads_are_right_under_all_mechanisms(name: str, mechanism: str) -> None:
    made = workload(name, LONG_SCALE)
    (one,) = chosen_mechanisms(mechanism)
    wrong = []
    for quota in (0.1, 0.25, 0.5, 1):
        for threads, policy, batch, spare in (
            (1, Policy.FIFO, 1, 0), (4, Policy.CLOCK, 8, 0), (9, Policy.LRU, 1, 4), (16, Policy.TWO_Q, 2, 0),
        ):  # fmt: skip
            pages = 0 if quota == 1 else max(int(made.pages * quota), 2 * threads + batch + spare)
            setting = CacheSetting(one, pages, threads, policy, batch, 1 + threads // 8, spare)
            if not run(made, setting, OPTIONS).summary.correct:
                wrong.append((quota, threads, policy.value, batch, spare))
    assert wrong == []


def test_make_evaluation_runs_every_workload() -> None:
    (line,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("MATRIX = "))
    assert line.split()[2:] == list(WORKLOADS)


@pytest.mark.skipif(not LONG, reason="PFFEMU_LONG=1")
def test_one_core_returns_more_frames_than_its_rings_hold() -> None:
    (hw,) = chosen_mechanisms("hw")
    done = run(named_workload("fault", 16), CacheSetting(hw), OPTIONS)
    assert done.summary.correct
    assert done.total["evictions"] == 4096
