"""Stages add up to the whole fault, on every path, whatever the clocks do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from guest.build import guest
from pffemu import Machine, Mode
from pffemu.events import hw, kernel, userfaultfd
from pffemu.events.faults import DIRECTED, FORWARDED, KERNEL, USERFAULTFD
from pffemu.events.fields import Hex, Label
from pffemu.report.stages import (
    DECISION,
    DELIVERY,
    HANDLER,
    IOCTL,
    KERNEL_WORK,
    MESSAGE,
    RETURN,
    STAGES,
    SWITCH,
    StageCollector,
)

RIP, PAGE = Hex(0x400100), Hex(0x7000)


def collect(events: list[Any]) -> StageCollector:
    collector = StageCollector()
    for event in events:
        collector(event)
    return collector


def forwarded(start: int, number: int = 1, tid: int = 1) -> list[Any]:
    return [
        hw.WalkRefused(start, 0, tid, RIP, PAGE, 4, number),
        hw.MmuDecision(start + 2, 0, tid, PAGE, Label("forward"), Label(""), number),
        hw.FramePushed(start + 3, 0, tid, Hex(0), 48, 14, RIP, Hex(0), number),
        hw.HandlerEntered(start + 10, 0, tid, Hex(0x500000), number),
        kernel.Syscall(start + 30, 0, tid, 16, Label("ioctl"), Hex(0)),
        kernel.SyscallReturned(start + 100, 0, tid, Label("ioctl"), 0),
        hw.Uiret(start + 110, 0, tid, RIP, 1, number),
        hw.Resumed(start + 111, 0, tid, RIP, number, FORWARDED),
    ]


def by_message(start: int, number: int = 1) -> list[Any]:
    return [
        hw.WalkRefused(start, 0, 1, RIP, PAGE, 4, number),
        kernel.KernelPageFault(start + 10, 0, 1, PAGE, 1, number),
        userfaultfd.MessageQueued(start + 20, 0, 1, 3, PAGE, 0, number),
        kernel.ThreadWoken(start + 25, 0, 1, 2, 1),
        kernel.ContextSwitch(start + 40, 1, 2, 0),
        userfaultfd.MessageRead(start + 50, 1, 2, 3, PAGE, number),
        kernel.SyscallReturned(start + 52, 1, 2, Label("read"), 32),
        kernel.Syscall(start + 60, 1, 2, 16, Label("ioctl"), Hex(0)),
        userfaultfd.PageInstalled(start + 80, 1, 2, PAGE, number),
        kernel.ThreadWoken(start + 85, 1, 2, 1, 0),
        kernel.SyscallReturned(start + 86, 1, 2, Label("ioctl"), 0),
        kernel.ContextSwitch(start + 95, 0, 1, 0),
        hw.Resumed(start + 100, 0, 1, RIP, number, USERFAULTFD),
    ]


def used(cycles: dict[str, int]) -> dict[str, int]:
    return {stage: value for stage, value in cycles.items() if value}


def test_forwarded_fault() -> None:
    costs = collect(forwarded(1000)).costs()
    assert list(costs) == [FORWARDED]
    assert used(costs[FORWARDED].cycles) == {DELIVERY: 10, HANDLER: 30, IOCTL: 70, RETURN: 1}
    assert (costs[FORWARDED].faults, costs[FORWARDED].total) == (1, 111)


def test_fault_by_message() -> None:
    costs = collect(by_message(1000)).costs()
    assert list(costs) == [USERFAULTFD]
    assert used(costs[USERFAULTFD].cycles) == {DECISION: 10, MESSAGE: 42, HANDLER: 8, IOCTL: 25, SWITCH: 10, RETURN: 5}
    assert costs[USERFAULTFD].total == 100


def test_fault_the_kernel_resolves() -> None:
    events = [
        hw.WalkRefused(0, 0, 1, RIP, PAGE, 4, 1),
        kernel.KernelPageFault(10, 0, 1, PAGE, 1, 1),
        kernel.MinorFault(30, 0, 1, PAGE, Label("zero"), 1),
        hw.Resumed(35, 0, 1, RIP, 1, KERNEL),
    ]
    assert used(collect(events).costs()[KERNEL].cycles) == {DECISION: 10, KERNEL_WORK: 20, RETURN: 5}


def test_faults_add_up() -> None:
    costs = collect([*forwarded(0), *forwarded(1000, 2), *by_message(2000, 3)]).costs()
    assert (costs[FORWARDED].faults, costs[FORWARDED].total) == (2, 222)
    assert costs[USERFAULTFD].total == 100


def test_threads_do_not_disturb_each_other() -> None:
    one, two = forwarded(0, 1, tid=1), forwarded(500, 2, tid=2)
    mixed = [event for pair in zip(one, two, strict=True) for event in pair]
    assert collect(mixed).costs() == collect([*one, *two]).costs()


def test_core_that_lags_behind_costs_nothing_negative() -> None:
    events = [event._replace(time=event.time - 30) if event.cpu == 1 else event for event in by_message(1000)]
    cycles = collect(events).costs()[USERFAULTFD].cycles
    assert all(value >= 0 for value in cycles.values())
    assert sum(cycles.values()) == 100


def test_nested_fault_is_part_of_the_outer_ones_handler() -> None:
    outer = forwarded(0)
    inner_rip = Hex(0x500010)
    inner = [
        hw.WalkRefused(12, 0, 1, inner_rip, Hex(0x9000), 4, 2),
        kernel.KernelPageFault(14, 0, 1, Hex(0x9000), 1, 2),
        kernel.MinorFault(16, 0, 1, Hex(0x9000), Label("zero"), 2),
        hw.Resumed(18, 0, 1, inner_rip, 2, KERNEL),
    ]
    costs = collect([*outer[:4], *inner, *outer[4:]]).costs()
    assert costs[KERNEL].total == 6
    assert costs[FORWARDED].cycles == collect(outer).costs()[FORWARDED].cycles


def test_fault_that_never_resumes_counts_nowhere_and_is_forgotten() -> None:
    collector = collect([event for n in range(100) for event in forwarded(n * 1000, n + 1)[:-1]])
    assert collector.costs() == {}
    for event in forwarded(200_000, 200):
        collector(event)
    assert collector.costs()[FORWARDED].faults == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_real_run_adds_up(mode: Mode) -> None:
    machine = Machine(mode=mode, ram=16 << 20)
    collector, seen = StageCollector(), list[Any]()
    machine.events.sinks += [collector, seen.append]
    machine.load(guest("fault_bench"), ["20", "0", "1", "1"])
    machine.run()
    found = collector.costs()
    total = sum(one.total for one in found.values())
    if mode is Mode.DAEMON:
        del found[KERNEL]  # of the first stores after fork
    (path, costs), *others = found.items()
    paths = {
        Mode.UFFD: USERFAULTFD,
        Mode.PFF: FORWARDED,
        Mode.PFF_PTE: FORWARDED,
        Mode.HW: DIRECTED,
    }
    assert (path, others, costs.faults) == (paths.get(mode, mode.value), [], 20)
    ends = [event for event in seen if type(event) in (hw.WalkRefused, hw.Resumed)]
    assert total == sum(b.time - a.time for a, b in pairwise(ends) if type(b) is hw.Resumed)
    assert set(costs.cycles) == set(STAGES)
