"""Which lock of an address space a fault, a fill and a discard take, and what a writer keeps them from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kernel_model.mm.locks import EVERYWHERE, MmLocks
from kernel_model.mm.vma import Vma, VmaList
from kernel_model.wait.lock import RwLock
from pffemu import compiled
from pffemu.arch.pagefault import U, W

pytestmark = pytest.mark.skipif(compiled.IN_USE, reason="compiled code takes no stand-in for a core")

LOW, HIGH, END = 0x10_0000, 0x20_0000, 0x30_0000  # two areas, with a gap between them


class Core:
    """What locks need of a core; taking one costs nothing."""

    def __init__(self, index: int, clock: int) -> None:
        self.index, self.clock, self.waited = index, clock, ""

    def charge(self, cost: str, units: int = 1) -> None:
        pass

    def wait_until(self, clock: int, why: str) -> int:
        if clock > self.clock:
            self.clock, self.waited = clock, why
        return self.clock


def core(index: int, clock: int) -> Any:
    return Core(index, clock)


@pytest.fixture
def vmas() -> VmaList:
    areas = VmaList()
    for start, end in ((LOW, LOW + 0x1_0000), (HIGH, END)):
        areas.insert(Vma(start, end, 3, anon=1))
    return areas


@pytest.fixture
def locks(vmas: VmaList) -> MmLocks:
    return MmLocks(vmas, by_area=True)


def fault(locks: MmLocks, address: int, error_code: int = U, clock: int = 0, *, again: bool = False) -> RwLock:
    return locks.of_fault(core(0, clock), address, error_code, again=again)


def test_faults_of_two_areas_take_two_locks_and_neither_is_mmap_lock(locks: MmLocks) -> None:
    first, second = fault(locks, LOW), fault(locks, HIGH)
    assert first is fault(locks, LOW + 0x1000) is not second
    assert locks.mmap_lock not in (first, second)


def test_the_kernels_own_accesses_retries_and_growing_stacks_take_mmap_lock(locks: MmLocks) -> None:
    assert fault(locks, LOW, 0) is locks.mmap_lock
    assert fault(locks, LOW, again=True) is locks.mmap_lock
    assert fault(locks, LOW - 0x1000) is locks.mmap_lock


def test_the_first_store_to_a_private_area_takes_mmap_lock(locks: MmLocks, vmas: VmaList) -> None:
    vmas.insert(Vma(END, END + 0x1000, 3))
    vmas.insert(Vma(END + 0x1000, END + 0x2000, 3, shared=True))
    assert fault(locks, END, U | W) is locks.mmap_lock
    assert locks.mmap_lock not in (fault(locks, END), fault(locks, END + 0x1000, U | W), fault(locks, LOW, U | W))


def test_a_fill_takes_the_areas_lock_once_it_has_had_a_page(locks: MmLocks, vmas: VmaList) -> None:
    vmas.insert(Vma(END, END + 0x1000, 3))
    assert locks.of_fill(core(0, 0), LOW) is fault(locks, LOW)
    assert locks.of_fill(core(0, 0), END) is locks.mmap_lock


def test_a_discard_takes_the_areas_lock_within_one_area_without_userfaultfd(locks: MmLocks, vmas: VmaList) -> None:
    assert locks.of_discard(core(0, 0), LOW, LOW + 0x1000) is fault(locks, LOW)
    assert locks.of_discard(core(0, 0), LOW, END) is locks.mmap_lock
    registered: Any = object()
    vmas.insert(Vma(END, END + 0x1000, 3, anon=1, uffd=registered))
    assert locks.of_discard(core(0, 0), END, END + 0x1000) is locks.mmap_lock


def test_without_locks_of_areas_all_take_mmap_lock(vmas: VmaList) -> None:
    locks = MmLocks(vmas, by_area=False)
    assert locks.of_fill(core(0, 0), LOW) is locks.of_discard(core(0, 0), LOW, LOW + 0x1000) is locks.mmap_lock
    with locks.writing(core(0, 0), EVERYWHERE):
        assert all(vma.lock is None for vma in vmas)


def test_a_writer_waits_for_readers_of_the_areas_that_it_changes_and_for_no_others(locks: MmLocks) -> None:
    reader = core(0, 100)
    lock = fault(locks, HIGH)
    since = lock.acquire_read(reader)
    reader.clock += 200
    lock.release_read(reader, since)
    other, same = core(1, 150), core(2, 160)
    with locks.writing(other, ((LOW, LOW + 0x1000),)):
        pass
    with locks.writing(same, ((HIGH, HIGH + 0x1000),)):
        pass
    assert (other.waited, same.waited, same.clock) == ("", "wait.vma_lock", 300)


def test_a_fault_in_an_area_that_is_being_changed_falls_back_to_mmap_lock(locks: MmLocks, vmas: VmaList) -> None:
    writer = core(1, 100)
    with locks.writing(writer, ((HIGH, HIGH + 0x1000),)):
        vmas.isolate(HIGH, HIGH + 0x1000)
        writer.clock += 400
    upper = HIGH + 0x2000  # the writer has split the area; it had locked all of it
    assert [fault(locks, upper, clock=at) is locks.mmap_lock for at in (99, 100, 499, 500)] == [
        False,
        True,
        True,
        False,
    ]
    assert fault(locks, LOW, clock=200) is not locks.mmap_lock
    late = core(0, 200)
    assert locks.mmap_lock.acquire_read(late) == 500


def test_a_downgrade_frees_the_areas_but_no_other_writer(locks: MmLocks) -> None:
    writer, other = core(1, 100), core(2, 150)
    with locks.writing(writer, ((HIGH, END),)) as writing:
        writer.clock += 50
        writing.downgrade()
        writer.clock += 1000
    assert fault(locks, HIGH, clock=200) is not locks.mmap_lock
    with locks.writing(other, ((LOW, LOW + 0x1000),)):
        assert other.clock == 1150


def test_a_part_of_an_area_has_a_lock_of_its_own(locks: MmLocks) -> None:
    fault(locks, HIGH)
    area = Vma(HIGH, END, 3)
    assert area.lock is None
    area.lock = RwLock("wait.vma_lock")
    assert replace(area, start=HIGH + 0x1000).lock is None
