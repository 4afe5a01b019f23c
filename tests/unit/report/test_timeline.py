"""One fault, picked out of a run, as two lanes of text."""

from __future__ import annotations

from typing import Any

import pytest

from guest.build import guest
from pffemu import Machine, Mode
from pffemu.events.hw import Resumed, WalkRefused
from pffemu.report.one_fault import OneFault
from pffemu.report.timeline import timeline


def one_fault(mode: Mode, number: int) -> OneFault:
    machine = Machine(mode=mode, ram=16 << 20)
    sink = OneFault(number)
    machine.events.sinks.append(sink)
    machine.load(guest("fault_bench"), ["6", "0", "0", "1"])
    machine.run()
    return sink


def steps(text: str) -> list[tuple[str, str]]:
    """(lane, text) of each row."""
    rows = [line.split("|") for line in text.splitlines() if line.count("|") == 2][1:]
    return [("left", left.strip()) if left.strip() else ("right", right.strip()) for _, left, right in rows]


def shape(mode: Mode) -> list[tuple[str, str]]:
    return [(lane, " ".join(text.split()[:2])) for lane, text in steps(timeline(one_fault(mode, 3).events, "title"))]


def test_forwarded_fault_never_leaves_its_thread() -> None:
    told = shape(Mode.PFF)
    assert [step for lane, step in told if lane == "left"] == [
        "page walk", "MMU: forward", "frame of", "its handler", "UIRET, UIF=1", "resumes at",
    ]  # fmt: skip
    assert ("right", "page-table entry") in told


def test_userfaultfd_goes_through_kernel_and_handler_thread() -> None:
    told = shape(Mode.UFFD)
    assert [step for lane, step in told if lane == "left"] == [
        "page walk", "MMU: to", "sleeps (page)", "runs again", "resumes at",
    ]  # fmt: skip
    right = [step for lane, step in told if lane == "right"]
    wanted = [
        "#PF enters",
        "uffd_msg queued",
        "thread 2",
        "handler thread",
        "uffd_msg read",
        "page-table entry",
        "thread 1",
    ]
    assert list(dict.fromkeys(step for step in right if step in wanted)) == wanted


def test_kernel_resolves_alone() -> None:
    assert [step for _, step in shape(Mode.KERNEL)] == ["page walk", "MMU: to", "#PF enters", "zero page", "resumes at"]


@pytest.mark.parametrize("mode", list(Mode))
def test_times_start_at_the_fault_and_end_with_the_total(mode: Mode) -> None:
    events = one_fault(mode, 3).events
    rows = timeline(events, "title").splitlines()
    total = events[-1].time - events[0].time
    assert rows[0] == "title"
    assert rows[3].startswith("       0 | page walk refused")
    assert rows[-1].startswith(f"{total:>8,} | virtual cycles")


def test_one_fault_keeps_nothing_else() -> None:
    events = one_fault(Mode.UFFD, 3).events
    assert type(events[0]) is WalkRefused
    assert type(events[-1]) is Resumed
    assert sum(type(event) is WalkRefused for event in events) == 1
    assert all(event.time >= events[0].time for event in events)


@pytest.mark.parametrize("number", [7, 1000])
def test_too_few_faults(number: int) -> None:
    sink = one_fault(Mode.PFF, number)
    nothing: list[Any] = []
    assert sink.events == nothing
    assert "no fault to show" in timeline(sink.events, "title")
