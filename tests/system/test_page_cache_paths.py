"""Who does what when a page of a file on disk is filled, evicted clean, and evicted dirty; read-ahead; advice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kernel_model.abi import mman
from pffemu import Machine
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.hw import MmuDecision, Resumed, WalkRefused
from pffemu.events.kernel import ContextSwitch, KernelPageFault, MinorFault, ThreadBlocked, ThreadWoken
from pffemu.events.page_cache import DiskCompleted, DiskRequested, PageDirtied, PageReclaimed, ReadAhead
from pffemu.hw.cpu_options import CpuOptions
from pffemu.timing import Profile, load_profile
from tests.guest_tools import start_thread
from tests.page_cache_guests import FILE, Run, load, run, store

PAGES = 200
PATH = (
    WalkRefused, MmuDecision, KernelPageFault, DiskRequested, DiskCompleted, PageReclaimed, PageDirtied, ThreadBlocked,
    ThreadWoken, ContextSwitch, MinorFault, Resumed,
)  # fmt: skip
SECOND_THREAD = start_thread("stack", "spin") + "    jmp started\nspin: pause\n    jmp spin\nstarted:\n"

SLEEP = """
    push 1000000
    push 0
    mov eax, SYS_nanosleep
    mov rdi, rsp
    xor esi, esi
    syscall
"""


def advise(advice: int, first: int = 0, pages: int = PAGES) -> str:
    return f"""
    mov eax, SYS_madvise
    mov edi, {FILE + first * PAGE_SIZE:#x}
    mov esi, {pages * PAGE_SIZE:#x}
    mov edx, {advice}
    syscall
"""


RANDOM = advise(mman.MADV_RANDOM)


def faults_on(done: Run, page: int) -> list[list[Any]]:
    """The events from each fault on `page` to where its thread resumes."""
    found, inside = [], False
    for event in done.events:
        if isinstance(event, WalkRefused) and event.address // PAGE_SIZE == FILE // PAGE_SIZE + page:
            found.append([])
            inside = True
        if inside and isinstance(event, PATH):
            found[-1].append(event)
        inside &= not isinstance(event, Resumed)
    return found


def names(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def charged(done: Run) -> Counter[str]:
    """Units by cost, of all cores and threads."""
    units: Counter[str] = Counter()
    for cpu in done.machine.cpus:
        for ledger in cpu.ledgers.values():
            units.update(ledger.units)
    return units


def test_a_fill(tmp_path: Path) -> None:
    done = run(tmp_path, [load(7)], PAGES, before=RANDOM)
    [fault] = faults_on(done, 7)
    assert names(fault) == [
        "WalkRefused", "MmuDecision", "KernelPageFault", "DiskRequested", "ThreadBlocked", "DiskCompleted",
        "ThreadWoken", "ContextSwitch", "MinorFault", "Resumed",
    ]  # fmt: skip
    requested, completed = fault[3], fault[5]
    profile = done.machine.cpus[0].profile
    latency = profile.cycles_of("device.disk.read") + profile.cycles_of("device.disk.byte", PAGE_SIZE)
    assert 0 <= completed.time - requested.time - latency < 3000  # and the interrupt's entry
    assert (requested.pages, requested.tid, completed.tid) == (1, 1, 0)  # the core idles meanwhile
    units = charged(done)
    assert [units[f"kernel.disk.{step}"] for step in ("submit", "complete")] == [1, 1]


@pytest.mark.parametrize(("cpus", "before", "shootdowns"), [(1, "", 0), (2, SECOND_THREAD, 1)])
def test_a_clean_eviction(tmp_path: Path, cpus: int, before: str, shootdowns: int) -> None:
    accesses = [load(page) for page in range(17)]
    done = run(tmp_path, accesses, PAGES, before=RANDOM + before, quota=16 * PAGE_SIZE, cpus=cpus)
    assert done.is_right
    [fault] = faults_on(done, 16)
    assert names(fault)[:7] == [
        "WalkRefused", "MmuDecision", "KernelPageFault", "PageReclaimed", "PageReclaimed", "DiskRequested",
        "ThreadBlocked",
    ]  # fmt: skip
    evicted = [event for event in fault if isinstance(event, PageReclaimed)]
    assert [(event.offset // PAGE_SIZE, event.entries, event.tid) for event in evicted] == [(0, 1, 1), (1, 1, 1)]
    units = charged(done)
    assert units["kernel.rmap.entry"] == 2
    assert units["kernel.tlb.shootdown"] == shootdowns  # one for both pages


def flush_late(machine: Machine) -> None:
    """Let the flusher run only for reclaim."""
    machine.kernel.sysctls.update({"vm.dirty_background_ratio": "1000", "vm.dirty_ratio": "2000"})


def test_a_dirty_eviction(tmp_path: Path) -> None:
    accesses = [store(page) for page in range(16)] + [load(20)]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, quota=16 * PAGE_SIZE, cpus=2, watch=flush_late)
    assert done.is_right
    [fault] = faults_on(done, 20)
    kinds = names(fault)
    assert kinds[:4] == ["WalkRefused", "MmuDecision", "KernelPageFault", "ThreadBlocked"]
    writes = [event for event in fault if isinstance(event, DiskRequested) and event.what == "write"]
    assert {event.tid for event in writes} == {0}  # the flusher, on a core without a thread
    assert kinds.index("DiskRequested") < kinds.index("DiskCompleted") < kinds.index("PageReclaimed")
    assert [event.tid for event in fault if isinstance(event, PageReclaimed)] == [1, 1]
    assert len(done.of(PageDirtied)) == 16


CUT = f"""
cut:
    mov ecx, 20000
1:  dec ecx
    jnz 1b
    mov eax, SYS_ftruncate
    mov edi, r14d
    mov esi, {50 * PAGE_SIZE}
    syscall
    mov eax, SYS_exit
    syscall
"""


def test_a_thread_that_waits_for_dirty_pages_goes_on_when_they_are_cut_off(tmp_path: Path) -> None:
    """The flusher comes late, and finds no dirty page any more: nothing is written that would wake the thread."""
    profile = load_profile()
    costs = {"device.disk.read": 0, "cpu.ipi.flight": 3_000_000}
    entries = {
        **profile.entries,
        **{name: replace(profile.entries[name], value=value) for name, value in costs.items()},
    }
    late = Profile.of(profile.name, profile.machine, profile.frequency, entries, profile.hierarchy)
    accesses = [store(page) for page in [*range(50, 91), *range(10)]]  # 41 dirty pages: one more than the limit
    before = RANDOM + start_thread("stack", "cut") + "    jmp started\n" + CUT + "started:\n"
    done = run(tmp_path, accesses, PAGES, before=before, quota=PAGES * PAGE_SIZE, cpus=3, cpu=CpuOptions(profile=late))
    [fault] = faults_on(done, 0)
    assert names(fault).count("ThreadBlocked") == 2  # for the disk, and for the flusher
    assert not [event for event in done.of(DiskRequested) if event.what == "write"]
    assert [event.offset // PAGE_SIZE for event in done.of(PageDirtied)][41:] == [*range(10)]


def test_an_evicted_page_is_found_again_as_it_was_left(tmp_path: Path) -> None:
    accesses = [store(3), *(load(page) for page in range(20, 60)), load(3)]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, quota=16 * PAGE_SIZE)
    assert done.is_right
    assert len(faults_on(done, 3)) == 2


def reads(done: Run) -> list[tuple[int, int]]:
    """(first page, pages) of each read of the disk."""
    return [(event.offset // PAGE_SIZE, event.pages) for event in done.of(DiskRequested) if event.what == "read"]


def test_a_miss_reads_around_and_the_marker_reads_on(tmp_path: Path) -> None:
    done = run(tmp_path, [load(50), *(load(page) for page in range(50, 60))], PAGES)
    assert reads(done) == [(34, 32), (66, 32)]
    assert [event.why for event in done.of(ReadAhead)] == ["sync", "async"]


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (RANDOM, [(50, 1), (51, 1)]),
        (advise(mman.MADV_SEQUENTIAL), [(50, 32)]),
        (advise(mman.MADV_WILLNEED, 50, 2), [(50, 2)]),
    ],
)  # fmt: skip
def test_advice(tmp_path: Path, advice: str, expected: list[tuple[int, int]]) -> None:
    assert reads(run(tmp_path, [load(50), load(51)], PAGES, before=advice)) == expected


def test_pageout_and_cold(tmp_path: Path) -> None:
    accesses = [load(page) for page in range(8)]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, after=advise(mman.MADV_PAGEOUT, 2, 3))
    assert [event.offset // PAGE_SIZE for event in done.of(PageReclaimed)] == [2, 3, 4]


@pytest.mark.parametrize(("fault_around", "faults"), [(1, 32), (4, 8), (16, 2)])
def test_fault_around(tmp_path: Path, fault_around: int, faults: int) -> None:
    read_before = advise(mman.MADV_WILLNEED, 0, 64) + SLEEP
    done = run(tmp_path, [load(page) for page in range(32)], PAGES, before=read_before, fault_around=fault_around)
    inside = [event for event in done.of(MinorFault) if FILE <= event.address < FILE + PAGES * PAGE_SIZE]
    assert len(inside) == faults
