"""The fault benchmark and BFS end to end: the three modes do the same work, each by its own path."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import pytest

from guest.build import guest
from guest.graphs import bfs_levels, first_connected_vertex, rmat
from pffemu import CpuOptions, Exited, Machine, Mode
from pffemu.engine import jit
from pffemu.events.hw import FramePushed, HandlerEntered, MmuDecision, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import Syscall, ThreadBlocked, ThreadWoken
from pffemu.events.trace import TraceHash
from pffemu.events.userfaultfd import IoctlStep, MessageQueued, MessageRead, PageInstalled
from pffemu.hw.mmu import UffdLookup
from pffemu.timing import WAITS

PAGES = 24
RAM = 64 << 20
needs_numba = pytest.mark.skipif(not jit.available(), reason="numba is not installed, or PFFEMU_JIT=0")


class Ran:
    """A finished run of a guest with its result on descriptor 4."""

    def __init__(self, mode: Mode, cpus: int = 2, **cpu: Any) -> None:
        self.result = io.BytesIO()
        self.machine = Machine(mode=mode, cpus=cpus, ram=RAM, cpu=CpuOptions(**cpu))
        self.machine.open_output(4, "result", self.result)
        self.hash = TraceHash()
        self.events: list[Any] = []
        self.machine.events.sinks += [self.hash, self.events.append]

    def fault_bench(self, pages: int = PAGES, write: int = 0, shuffled: int = 0, copy: int = 1) -> Ran:
        self.machine.load(guest("fault_bench"), [str(word) for word in (pages, write, shuffled, copy)])
        assert self.machine.run(10_000_000) == Exited(0)
        return self

    def bfs(self, scale: int, factor: int) -> Ran:
        graph = rmat(scale, factor, 1)
        source = first_connected_vertex(graph.index)
        data = np.concatenate((graph.index, graph.edges)).tobytes()
        self.machine.open_ram_file(3, "graph", data)
        arguments = [str(word) for word in (graph.vertices, graph.edge_count, source)]
        self.machine.load(guest("bfs"), arguments)
        assert self.machine.run(50_000_000) == Exited(0)
        levels = np.frombuffer(self.result.getvalue(), dtype=np.uint16)
        assert (levels == bfs_levels(graph, source)).all()
        return self

    @property
    def counts(self) -> dict[str, int]:
        return self.machine.counts()


@pytest.mark.parametrize("write", [0, 1], ids=["read", "write"])
@pytest.mark.parametrize("shuffled", [0, 1], ids=["ascending", "random"])
@pytest.mark.parametrize("copy", [0, 1], ids=["zero page", "copy"])
def test_every_mode_touches_the_same_words_and_uffd_and_pff_fault_equally_often(
    write: int, shuffled: int, copy: int
) -> None:
    runs = {mode: Ran(mode).fault_bench(PAGES, write, shuffled, copy) for mode in Mode}
    sums = {mode: int.from_bytes(ran.result.getvalue(), "little") for mode, ran in runs.items()}
    expected = PAGES * (PAGES + 1) // 2 if write or copy else 0
    backed = expected if write or copy else 0
    assert sums[Mode.UFFD] == sums[Mode.PFF] == backed
    assert sums[Mode.KERNEL] == (expected if write else 0)
    assert runs[Mode.UFFD].counts["faults"] == runs[Mode.PFF].counts["faults"]


def test_under_pff_every_fault_is_delivered_and_nobody_is_woken() -> None:
    counts = Ran(Mode.PFF).fault_bench().counts
    assert counts["faults"] == counts["forwarded"] == counts["uirets"] == PAGES
    assert counts["uffd_messages"] == counts["wakes"] == counts["handler_threads"] == 0
    assert counts["context_switches"] == 1


def test_under_uffd_every_fault_is_a_message_and_costs_two_wakes_in_the_steady_state() -> None:
    few, many = (Ran(Mode.UFFD).fault_bench(pages).counts for pages in (PAGES, 2 * PAGES))
    assert few["uffd_messages"] == few["faults"] == PAGES
    assert few["forwarded"] == few["uirets"] == 0
    assert few["handler_threads"] == 1
    assert many["wakes"] - few["wakes"] == 2 * PAGES
    assert many["faults"] - few["faults"] == PAGES


def test_the_kernels_own_faults_use_neither() -> None:
    counts = Ran(Mode.KERNEL).fault_bench().counts
    assert counts["faults"] == PAGES
    assert all(counts[key] == 0 for key in ("forwarded", "uirets", "uffd_messages", "wakes", "handler_threads"))


def test_the_kernel_is_entered_once_a_fault_under_pff_and_oftener_under_uffd() -> None:
    pff, uffd = (
        Ran(mode).fault_bench(2 * PAGES).counts["kernel_entries"] - Ran(mode).fault_bench().counts["kernel_entries"]
        for mode in (Mode.PFF, Mode.UFFD)
    )
    assert pff == PAGES  # the ioctl
    assert uffd == 3 * PAGES  # the fault, read and ioctl


def charged_per_page(mode: Mode) -> dict[str, float]:
    """Units of each cost that one more page takes, the same for every page."""
    totals: list[Counter[str]] = []
    for pages in (PAGES, 2 * PAGES):
        machine = Ran(mode).fault_bench(pages, copy=0).machine
        totals.append(Counter())
        for cpu in machine.cpus:
            for ledger in cpu.ledgers.values():
                totals[-1].update(ledger.units)
    return {cost: units / PAGES for cost, units in (totals[1] - totals[0]).items() if cost not in WAITS}


def test_what_a_fault_is_charged_for_is_what_its_path_did() -> None:
    """Forwarding takes no wait queue, no message, no context switch: whatever is not done is not charged."""
    pff, uffd = charged_per_page(Mode.PFF), charged_per_page(Mode.UFFD)
    ioctl = {
        "cpu.syscall": 1, "kernel.syscall": 1, "cpu.sysret": 1, "kernel.copy_from_user": 1, "kernel.copy_to_user": 1,
        "kernel.user_byte": 64, "kernel.uffd.validate": 1, "kernel.mmget": 1, "kernel.lock": 1, "kernel.fault.vma": 1,
        "kernel.fault.walk": 1, "kernel.fault.install": 1,
    }  # fmt: skip
    delivery = {"cpu.region.compare": 1, "cpu.uintr.deliver.flush": 1, "cpu.uintr.uiret": 1, "cpu.tlb_miss": 2}
    assert pff == ioctl | delivery
    more = Counter(uffd)
    more.subtract(ioctl)
    extra = {cost: units for cost, units in more.items() if units}
    steady = {
        "cpu.exception": 1, "cpu.iret": 1, "kernel.entry": 1, "kernel.exit": 1, "cpu.tlb_miss": 2,
        "kernel.uffd.enqueue": 1, "kernel.uffd.read": 1, "kernel.uffd.wake": 1, "kernel.uffd.retry": 1,
        "kernel.wake": 2, "cpu.ipi.send": 2, "cpu.idle_wake": 2, "kernel.context_switch": 2, "kernel.schedule": 4,
        "kernel.fault.vma": 2, "kernel.fault.walk": 2, "kernel.lock": 5, "kernel.lock.transfer": 4,
        "cpu.syscall": 1, "kernel.syscall": 1, "cpu.sysret": 1, "kernel.copy_to_user": 1, "kernel.user_byte": 32,
    }  # fmt: skip
    assert extra == steady


def names_of_one_fault(ran: Ran, address: int) -> list[str]:
    """The events from the refused walk at `address` until the instruction goes on."""
    kinds = (
        WalkRefused, MmuDecision, FramePushed, HandlerEntered, MessageQueued, MessageRead, ThreadBlocked, ThreadWoken,
        Syscall, IoctlStep, PageInstalled, Uiret, Resumed,
    )  # fmt: skip
    start = next(i for i, e in enumerate(ran.events) if isinstance(e, WalkRefused) and e.address == address)
    end = next(i for i in range(start, len(ran.events)) if isinstance(ran.events[i], Resumed))
    return [type(event).__name__ for event in ran.events[start : end + 1] if isinstance(event, kinds)]


def test_one_fault_under_pff_is_this_chain_of_events() -> None:
    ran = Ran(Mode.PFF).fault_bench()
    refused = [event for event in ran.events if isinstance(event, WalkRefused)]
    assert names_of_one_fault(ran, refused[5].address) == [
        "WalkRefused", "MmuDecision", "FramePushed", "HandlerEntered", "Syscall", *["IoctlStep"] * 2, "PageInstalled",
        *["IoctlStep"] * 3, "Uiret", "Resumed",
    ]  # fmt: skip


def test_one_fault_under_uffd_goes_through_the_message_and_both_wakes() -> None:
    ran = Ran(Mode.UFFD).fault_bench()
    refused = [event for event in ran.events if isinstance(event, WalkRefused)]
    seen = Counter(names_of_one_fault(ran, refused[5].address))
    for name in ("WalkRefused", "MmuDecision", "MessageQueued", "MessageRead", "PageInstalled", "Resumed"):
        assert seen[name] == 1, name
    assert seen["ThreadWoken"] == 2
    assert seen["FramePushed"] == 0


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("cpus", [1, 2, 3, 4])
def test_two_runs_leave_the_same_trace(mode: Mode, cpus: int) -> None:
    first, second = (Ran(mode, cpus).fault_bench(shuffled=1) for _ in range(2))
    assert first.hash.hexdigest() == second.hash.hexdigest()
    assert first.counts == second.counts


@needs_numba
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_the_trace_is_the_same_with_the_compiled_functions_switched_off(mode: Mode, cpus: int) -> None:
    compiled, plain = (Ran(mode, cpus, compiled=on).fault_bench(write=1, shuffled=1) for on in (True, False))
    assert compiled.hash.hexdigest() == plain.hash.hexdigest()


@pytest.mark.parametrize("cpus", [1, 3])
@pytest.mark.parametrize("mode", Mode)
def test_bfs_finds_the_right_levels(mode: Mode, cpus: int) -> None:
    Ran(mode, cpus).bfs(8, 4)


def test_bfs_faults_equally_often_under_uffd_and_pff_and_its_traces_repeat() -> None:
    runs = [Ran(mode).bfs(9, 8) for mode in (Mode.UFFD, Mode.PFF, Mode.PFF)]
    assert runs[0].counts["faults"] == runs[1].counts["faults"] > 10
    assert runs[1].counts["forwarded"] == runs[1].counts["uirets"] == runs[1].counts["faults"]
    assert runs[1].hash.hexdigest() == runs[2].hash.hexdigest()


@needs_numba
@pytest.mark.parametrize("mode", Mode)
def test_bfs_leaves_the_same_trace_compiled_and_plain(mode: Mode) -> None:
    compiled, plain = (Ran(mode, compiled=on).bfs(8, 4) for on in (True, False))
    assert compiled.hash.hexdigest() == plain.hash.hexdigest()


@pytest.mark.parametrize("lookup", UffdLookup, ids=lambda lookup: lookup.value)
def test_both_ways_for_the_mmu_to_know_give_the_same_counts(lookup: UffdLookup) -> None:
    counts = Ran(Mode.PFF, uffd_lookup=lookup).fault_bench(write=1).counts
    assert counts["forwarded"] == counts["uirets"] == PAGES
    assert Ran(Mode.PFF, uffd_lookup=lookup).bfs(8, 4).counts["uffd_messages"] == 0
