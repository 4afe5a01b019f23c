"""Mode hw against the other modes on the same guests: what they compute, what memory holds, and what a fault costs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from guest.build import guest
from guest.workloads import RESULT_FD, BfsWorkload, FaultWorkload, Workload, bfs_workload
from pffemu import Exited, Machine, Mode
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.directed import DirectedDecline, FramesDonated
from pffemu.events.hw import FramePushed, WalkRefused
from pffemu.report.measured import MeasuredPart
from pffemu.report.stages import StageCollector
from pffemu.timing import load_profile

UNBOUNDED = 1 << 12
WRITES = FaultWorkload(96, write=True, random=True)


class Sink:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


class Ran:
    """A run of a workload. `frames`: of the frame rings (None: as the guest chooses)."""

    def __init__(self, workload: Workload, mode: Mode, frames: int | None = None, **options: Any) -> None:
        self.machine = Machine(mode=mode, ram=256 << 20, **options)
        for fd, data in workload.files.items():
            self.machine.open_ram_file(fd, "input", data)
        self.result = Sink()
        self.machine.open_output(RESULT_FD, "result", self.result)
        self.machine.load(guest(workload.guest), workload.arguments)
        if frames is not None:
            self.poke("hw_frames", frames)
        self.stages = StageCollector()
        self.measured = MeasuredPart(self.machine.cpus, self.stages.tracker, self.stages.spent)
        self.faulted = set[int]()
        self.machine.events.sinks += [self.stages, self.measured, self._note]

    def _note(self, event: Any) -> None:
        if type(event) is WalkRefused:
            self.faulted.add(event.address & -PAGE_SIZE)

    def poke(self, symbol: str, value: int) -> None:
        self.machine.memory.write(self.machine.symbols[symbol], value.to_bytes(8, "little"))

    def run(self) -> Ran:
        assert self.machine.run() == Exited(0)
        return self

    def hash_of(self, start: int, pages: int) -> str:
        """Of what the process's memory holds there."""
        found = hashlib.sha256()
        for page in range(start, start + pages * PAGE_SIZE, PAGE_SIZE):
            found.update(self.machine.memory.read(page, PAGE_SIZE))
        return found.hexdigest()

    @property
    def declines(self) -> int:
        return self.machine.events.counts[DirectedDecline]


def fault_bench_in_every_mode(workload: FaultWorkload) -> tuple[set[str], set[bytes]]:
    """Hashes of the region, and results."""
    runs = [Ran(workload, mode).run() for mode in (Mode.KERNEL, Mode.UFFD, Mode.PFF)]
    runs += [Ran(frames_of(workload, frames), Mode.HW).run() for frames in (0, 1, 64, UNBOUNDED)]
    region = min(runs[0].faulted)
    return {run.hash_of(region, workload.pages) for run in runs}, {run.result.data for run in runs}


def frames_of(workload: FaultWorkload, frames: int, low: int = 0, batch: int = 0) -> FaultWorkload:
    return replace(workload, frames=frames, low=low, batch=batch)


@pytest.mark.parametrize("copy", [True, False])
def test_memory_is_the_same_in_every_mode_and_at_every_ring_size(copy: bool) -> None:
    hashes, results = fault_bench_in_every_mode(FaultWorkload(96, write=True, random=True, copy=copy))
    assert len(hashes) == len(results) == 1


def test_breadth_first_search_is_the_same_in_every_mode_and_at_every_ring_size() -> None:
    workload = bfs_workload(10, 8, 1)
    assert isinstance(workload, BfsWorkload)
    runs = [Ran(workload, mode).run() for mode in (Mode.KERNEL, Mode.UFFD, Mode.PFF)]
    runs += [Ran(workload, Mode.HW, frames).run() for frames in (0, 1, 64, UNBOUNDED)]
    region = min(run.machine.memory.read(run.machine.symbols["region"], 8) for run in runs[2:])
    start = int.from_bytes(region, "little")
    assert {run.result.data for run in runs} == {workload.expected(userfaultfd=True)}
    assert len({run.hash_of(start, workload.region_pages) for run in runs[1:]}) == 1
    assert [run.declines for run in runs[3:]][-1] == 0


def test_with_enough_frames_the_measured_part_enters_no_kernel() -> None:
    run = Ran(WRITES, Mode.HW)
    entries = run.machine.kernel.entry.count
    run.run()
    # exec to the rings, the measured part's two gettid, write and exit: as many as without a single page
    few = Ran(FaultWorkload(1, write=True), Mode.HW).run()
    assert run.machine.kernel.entry.count - entries == few.machine.kernel.entry.count
    assert run.machine.events.counts[FramePushed] == 0
    assert set(run.stages.costs()) == {"directed"}


def test_rings_without_frames_are_forwarding_and_the_declines() -> None:
    pff, hw = Ran(WRITES, Mode.PFF).run(), Ran(frames_of(WRITES, 0), Mode.HW).run()
    profile = load_profile()
    costs = ("cpu.directed.check", "cpu.directed.claim", "cpu.directed.frame", "cpu.directed.decline")
    assert hw.declines == WRITES.pages
    more = hw.measured.cycles() - pff.measured.cycles()
    assert abs(more - WRITES.pages * sum(map(profile.cycles_of, costs))) <= 1  # clocks are read in whole cycles


def test_a_refilled_ring_declines_nothing_and_costs_its_core_nothing() -> None:
    """D1: the helper's interrupts, not the faulting core, pay for the frames."""
    refilled, enough = Ran(frames_of(WRITES, 64, 48, 32), Mode.HW), Ran(frames_of(WRITES, 96), Mode.HW)
    donated: list[FramesDonated] = []
    refilled.machine.events.sinks.append(lambda event: donated.append(event) if type(event) is FramesDonated else None)
    refilled.run()
    enough.run()
    assert refilled.declines == 0
    first, *later = donated
    assert (first.cpu, first.frames) == (0, 64)
    assert {event.cpu for event in later} == {1}
    assert sum(event.frames for event in later) >= WRITES.pages - 64
    helper = refilled.machine.cpus[1]
    helper.settle()
    assert helper.ledgers[0].units["kernel.directed.frame"] == sum(event.frames for event in later)
    assert abs(refilled.measured.cycles() - enough.measured.cycles()) <= 1  # clocks are read in whole cycles
    per_fault = [run.stages.costs()["directed"].latencies for run in (refilled, enough)]
    assert max(per_fault[0]) == max(per_fault[1])


def test_refills_make_room_for_records_too() -> None:
    """The completion ring has room for 512; nothing but the helper's interrupts takes records."""
    many = FaultWorkload(900, write=True)
    assert Ran(frames_of(many, 64, 48, 32), Mode.HW).run().declines == 0


def test_threads_fault_on_cores_of_their_own() -> None:
    run = Ran(FaultWorkload(96, write=True, threads=3), Mode.HW, cpus=4).run()
    assert run.declines == 0
    assert set(run.stages.costs()) == {"directed"}


def test_equal_runs_have_equal_memory_and_time() -> None:
    runs = [Ran(frames_of(WRITES, 16, 8, 4), Mode.HW).run() for _ in range(2)]
    assert len({run.measured.cycles() for run in runs}) == len({run.declines for run in runs}) == 1
