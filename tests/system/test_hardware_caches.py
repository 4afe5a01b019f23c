"""I10 of docs/hardware-resolution.md for the workloads of compare: the same answers and files, whatever fills pages."""

from __future__ import annotations

from typing import Any

import pytest

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.workload import CachedWorkload, CacheSetting
from guest.caching.workloads import WORKLOADS, named_workload
from pffemu.cli.compare_run import run
from pffemu.events.directed import DirectedDecline, DirectedStep
from pffemu.events.hw import FramePushed, Resumed, WalkRefused
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_run import CacheRun
from pffemu.timing import load_profile
from tests.campaign import LONG

UNBOUNDED = 1 << 12
FRAMES = (0, 1, 64, UNBOUNDED)


def ran(
    workload: CachedWorkload, mechanism: str, quota: int, threads: int, frames: int = 64, seen: list[Any] | None = None
) -> CacheRun:
    """A run whose result and whose file at the end are, byte for byte, the workload's. `seen`: gets its events."""
    (one,) = chosen_mechanisms(mechanism)
    sinks = [] if seen is None else [seen.append]
    done = run(workload, CacheSetting(one, quota, threads, frames=frames), MachineOptions(), sinks=sinks)
    assert done.summary.correct, (mechanism, quota, threads, frames)
    return done


@pytest.mark.parametrize("name", WORKLOADS)
def test_answers_and_files_are_the_same_at_every_ring_size(name: str) -> None:
    """And without frames a run is pff's, with the declines on top: event by event, and to the cycle."""
    workload = named_workload(name, 9)
    for mechanism in ("kernel", "uffd"):
        ran(workload, mechanism, 16, 1)
    events: tuple[list[Any], list[Any]] = ([], [])
    pff = ran(workload, "pff", 16, 1, seen=events[0])
    none = ran(workload, "hw", 16, 1, 0, seen=events[1])
    others = [ran(workload, "hw", 16, 1, frames) for frames in FRAMES[1:]]
    same_but_for_declines(*map(of_faults, events))
    charges = none.summary.charges
    declines = sum(cycles for cost, cycles in charges.items() if cost.startswith("cpu.directed."))
    assert abs(none.summary.cycles - pff.summary.cycles - declines) <= 1
    assert [done.total["fills"] for done in (none, *others)] == [pff.total["fills"]] * len(FRAMES)


def of_faults(events: list[Any]) -> list[Any]:
    """From the first page fault that is forwarded until the last one is resolved: what mechanisms set up differs."""
    kinds = [type(event) for event in events]
    if FramePushed not in kinds:  # scan: every page is asked for before it is touched
        return []
    first = max(i for i in range(kinds.index(FramePushed)) if kinds[i] is WalkRefused)
    return events[first : len(kinds) - kinds[::-1].index(Resumed)]


def stack_of(events: list[Any]) -> int:
    return next(event.rsp for event in events if type(event) is FramePushed)


def same_but_for_declines(pff: list[Any], hw: list[Any]) -> None:
    """`hw` is `pff` with two steps of the unit and a decline in each fault, and later by the time of these."""
    costs = ("cpu.directed.check", "cpu.directed.claim", "cpu.directed.frame", "cpu.directed.decline")
    each, declines, left = sum(map(load_profile().cycles_of, costs)), 0, iter(pff)
    if not pff:
        assert not hw
        return
    later = hw[0].time - pff[0].time
    deeper = stack_of(hw) - stack_of(pff)  # the mechanism's name is one of the program's arguments
    for event in hw:
        if type(event) in (DirectedStep, DirectedDecline):
            declines += type(event) is DirectedDecline
            continue
        expected = next(left)
        assert type(event) is type(expected)
        assert all(a == b or a == b + deeper for a, b in zip(event[1:], expected[1:], strict=True)), (event, expected)
        assert abs(event.time - expected.time - later - declines * each) <= 1
    assert declines
    assert next(left, None) is None


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
