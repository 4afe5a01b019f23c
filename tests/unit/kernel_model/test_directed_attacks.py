"""What a hostile program, or unlucky timing, could try with directed resolution, each by name."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.uapi import Errno
from kernel_model.mm.reclaim import rmap
from pffemu.arch import directed as arch
from pffemu.arch.directed import Reason
from pffemu.arch.pagefault import I, P
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_PS, PTE_U, USER_END
from pffemu.hw import directed_resolution, frame_rings
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap
from tests.directed_cases import BEFORE, CF, COPY, FILLED, MAP, ZERO, at, change, declined, entry, world
from tests.directed_world import AREA, PAGES, SHARED, SHARED_PAGES, SOURCE, U, W, World

# -- the checks of step 2 -----------------------------------------------------------------------------------------


def test_a_marked_entry_is_declined_and_stays() -> None:
    made = world()
    assert made.ioctl(uffd_abi.WRITEPROTECT, AREA, PAGE_SIZE, 1) == 0
    before = entry(made)
    assert before != entry(made, 1)
    assert made.resolve(0, AREA) == declined(Reason.MARKED)
    assert entry(made) == before
    made.end()


def test_an_index_beyond_the_table_is_declined() -> None:
    made = world()
    made.mm.pages.set(AREA, arch.absent(256, 0))
    assert made.resolve(0, AREA) == declined(Reason.INDEX)
    made.end()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"valid": False}, Reason.INVALID),
        ({"tag": 0x1000}, Reason.TAG),
        ({"start": AREA + PAGE_SIZE}, Reason.RANGE),
        ({"end": AREA}, Reason.RANGE),
        ({"generation": 1}, Reason.STALE),
        ({"read": False}, Reason.RIGHTS),
        ({"left": 0, "counted": True}, Reason.QUOTA),
    ],
)
def test_each_condition_of_the_check_declines(fields: dict[str, object], reason: Reason) -> None:
    made = world()
    before = entry(made)
    change(made, **fields)
    assert made.resolve(0, AREA) == declined(reason)
    assert entry(made) == before
    made.end()


def test_a_store_under_a_directive_for_loads_is_declined() -> None:
    made = world(rights=uffd_abi.DIRECT_READ)
    assert made.resolve(0, AREA, U | W) == declined(Reason.RIGHTS)
    assert made.resolve(0, AREA) == FILLED
    assert not isinstance(made.cores[0].mmu.translate(AREA, USER), Trap)
    assert isinstance(made.cores[0].mmu.translate(AREA, USER | W), Trap)
    made.end()


def test_a_fetch_is_declined() -> None:
    made = world()
    assert made.resolve(0, AREA, U | I) == declined(Reason.RIGHTS)
    made.end()


def test_an_access_of_the_kernel_or_to_a_present_page_begins_no_fill() -> None:
    made = world()
    assert not made.fault(0, AREA, 0)
    assert made.resolve(0, AREA) == FILLED
    assert not made.fault(0, AREA, U | W | 1)
    made.end()


def test_a_fault_for_a_page_that_was_present_begins_no_fill_where_the_page_has_gone_since() -> None:
    made = world()
    assert made.resolve(0, AREA) == FILLED
    assert made.page_out(1, AREA, 1, False) == 0
    assert not made.fault(0, AREA, U | W | P)
    assert made.fault(0, AREA, U | W)
    made.finish(0)
    made.end()


@pytest.mark.parametrize("indices", [{3: 1, 2: 2, 1: 3, 0: 4}, {3: 0, 2: 0, 1: 0, 0: 0}])
@pytest.mark.parametrize("level", [3, 2, 1])
@pytest.mark.parametrize("bad", [0, PTE_P | PTE_PS, PTE_P | 1 << 51, PTE_P | 5 * PAGE_SIZE, PTE_P | 6 * PAGE_SIZE])
def test_a_walk_through_what_is_no_table_finds_no_leaf(indices: dict[int, int], level: int, bad: int) -> None:
    """Missing, a large page, a reserved bit, and just or further beyond RAM of five pages, at each level."""
    address = sum(index << 12 + 9 * height for height, index in indices.items())
    tables = dict(zip((3, 2, 1, 0), range(1, 5), strict=True))  # by level: the page
    words = [0] * (5 * 512)
    for above in (3, 2, 1):
        words[tables[above] * 512 + indices[above]] = PTE_P | tables[above - 1] * PAGE_SIZE
    leaf = directed_resolution.leaf_of(words, tables[3] * PAGE_SIZE, address)
    assert leaf == tables[0] * 512 + indices[0]
    words[tables[level] * 512 + indices[level]] = bad
    assert directed_resolution.leaf_of(words, tables[3] * PAGE_SIZE, address) is None


def test_the_quota_counts_pages_and_pages_that_return() -> None:
    made = world(quota=2)
    assert [made.resolve(0, AREA + page * PAGE_SIZE) for page in range(3)] == [FILLED, FILLED, declined(Reason.QUOTA)]
    assert made.page_out(0, AREA, 1, False) == 0
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == FILLED
    made.end()


@pytest.mark.parametrize(
    "taken", [
        lambda w: w.call("MADVISE", AREA, PAGE_SIZE, uapi.MADV_DONTNEED),
        lambda w: w.donate(1, 1, AREA),
        lambda w: w.ioctl(uffd_abi.MOVE, AREA + 4 * PAGE_SIZE, AREA, PAGE_SIZE, 0, 0),
        lambda w: w.call("MPROTECT", AREA, PAGE_SIZE, 1),
    ],
)  # fmt: skip
def test_a_page_that_the_kernel_takes_gives_its_quota_back(taken: Callable[[World], object]) -> None:
    made = world(quota=1, pages=4)
    assert made.resolve(0, AREA) == FILLED
    taken(made)
    made.check()
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == declined(Reason.QUOTA)
    made.end()


def test_pages_that_the_kernel_brings_in_count() -> None:
    made = world(quota=2)
    assert made.ioctl(uffd_abi.COPY, AREA, SOURCE, PAGE_SIZE, 0, 0) == 0
    assert made.copy_to_user(AREA + PAGE_SIZE, b"copied!!")
    made.check()
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == declined(Reason.QUOTA)
    made.end()


def test_pages_that_are_there_count_for_a_directive_that_comes_later() -> None:
    made = world()
    assert made.resolve(0, AREA) == FILLED
    assert made.revoke(1) == 0
    assert (made.direct(ZERO, quota=2) or 0) > 0
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == declined(Reason.QUOTA)
    made.end()


def test_a_declined_fill_gives_its_quota_back() -> None:
    made = world(frames=0, quota=1)
    assert made.resolve(0, AREA) == declined(Reason.EMPTY)
    made.donate(0, 1)
    assert made.resolve(0, AREA) == FILLED
    made.end()


# -- frames and records -------------------------------------------------------------------------------------------


def test_an_empty_ring_puts_the_entry_back() -> None:
    made = world(frames=1)
    before = entry(made, 1)
    assert made.resolve(0, AREA) == FILLED
    assert made.resolve(0, AREA + PAGE_SIZE) == declined(Reason.EMPTY)
    assert entry(made, 1) == before
    assert made.resolve(1, AREA + PAGE_SIZE) == FILLED  # each core has a ring of its own
    made.end()


@pytest.mark.parametrize("frame", [0, 32 << 20, 1 << 45, 0x1001 << 1, -PAGE_SIZE])  # RAM ends at 32 MiB
def test_a_ring_entry_that_is_no_frame_of_ram_is_declined(frame: int) -> None:
    made = world(frames=0)
    memory = made.memory
    assert memory is not None
    memory.frame_ring(0).produce(frame)
    assert made.resolve(0, AREA) == declined(Reason.BAD_FRAME)
    memory.frame_ring(0).consume()
    made.end()


def test_ring_3_reaches_neither_rings_nor_directives() -> None:
    made = world()
    memory = made.memory
    assert memory is not None
    context = memory.context(0)
    direct_map = 0xFFFF_8880_0000_0000
    for physical in (context.table, context.frames, context.records, context.returns, context.epochs):
        for address in (physical, direct_map + physical):
            assert isinstance(made.cores[0].mmu.translate(address, USER), Trap)
    made.end()


def test_a_full_completion_ring_is_declined() -> None:
    made = world()
    memory = made.memory
    assert memory is not None
    records = frame_rings.record_ring(made.ram.words, memory.context(0).records)
    at_header = memory.context(0).records >> 3
    made.ram.words[at_header + arch.CAPACITY] = 1
    assert made.resolve(0, AREA) == FILLED
    before = entry(made, 1)
    assert made.resolve(0, AREA + PAGE_SIZE) == declined(Reason.RECORDS_FULL)
    assert entry(made, 1) == before
    assert records.count == 1
    assert made.ioctl(uffd_abi.DRAIN, SOURCE, 4, 0, 0) == 0
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    made.end()


def test_a_frame_that_holds_old_bytes_is_zeroed() -> None:
    made = world(frames=0)
    made.store(made.kernel_cpu, SOURCE, 0x1234)
    assert made.donate(0, 1, SOURCE) == 0
    assert made.resolve(0, AREA) == FILLED
    assert made.load(0, AREA) == 0
    made.end()


def test_uncleared_frames_of_a_program_that_only_copies_are_zeroed_for_a_later_zero_directive() -> None:
    made = world(COPY, frames=0, pages=4)
    assert made.donate(0, 2) == 0
    assert made.memory is not None
    assert all(not entry & arch.ZEROED for (entry,) in made.memory.frame_ring(0).entries())
    assert made.resolve(0, AREA) == FILLED
    assert made.direct(ZERO, 4, 4) == 2
    assert made.resolve(0, AREA + 4 * PAGE_SIZE) == FILLED
    assert made.load(0, AREA + 4 * PAGE_SIZE) == 0
    made.end()


def test_two_cores_on_one_page_fill_it_once() -> None:
    made = world()
    at(made, "fill", core=0)
    assert made.fault(1, AREA)
    assert [made.step(1) for _ in range(3)] == [None] * 3  # BUSY: it waits
    made.finish(0)
    assert made.finish(1) == FILLED
    assert made.memory is not None
    assert made.memory.frame_ring(1).count == 4
    made.end()


def test_a_busy_entry_names_its_core_and_keeps_its_directive() -> None:
    made = world(cores=3)
    before = entry(made)
    at(made, "frame", core=2)
    assert entry(made) == before | arch.BUSY | 2 << arch.CORE_SHIFT
    made.finish(2)
    made.end()


def test_the_core_that_loses_the_claim_takes_no_frame_and_no_quota() -> None:
    made = world(quota=1)
    at(made, "claim", core=0)
    change(made, left=1)
    at(made, "claim", core=1)
    change(made, left=0)
    made.finish(1)
    assert made.finish(0) == FILLED
    found = made.memory.directive(1) if made.memory is not None else None
    assert found is not None
    assert found.left == 1
    made.end()


# -- COPY's source ------------------------------------------------------------------------------------------------


def test_source_and_destination_are_one_page() -> None:
    made = world(COPY, source=AREA)
    assert made.resolve(0, AREA) == declined(Reason.SOURCE_MISSING)
    made.end()


@pytest.mark.parametrize(
    ("source", "stride"),
    [
        (USER_END - (PAGES - 1) * PAGE_SIZE, PAGE_SIZE),  # its end reaches beyond user space
        (0xFFFF_8880_0000_0000, PAGE_SIZE),
        (SOURCE, 1 << 62),  # wraps 2^64 back to the source
        (SOURCE, -(1 << 63)),
        (SOURCE, 8),
        (SOURCE + 8, PAGE_SIZE),
        (0, -PAGE_SIZE),
    ],
)
def test_a_source_that_leaves_user_space_or_wraps_is_refused(source: int, stride: int) -> None:
    made = World(1)
    assert made.direct(COPY, source=source, stride=stride) == -Errno.EINVAL
    made.end()


@pytest.mark.parametrize("source", [USER_END, 0xFFFF_8880_0000_0000, SOURCE + 8, 1 << 63])
def test_the_unit_itself_refuses_a_source_outside_user_space(source: int) -> None:
    made = world(COPY)
    change(made, source=source)
    assert made.resolve(0, AREA) == declined(Reason.SOURCE_RANGE)
    made.end()


def test_a_stride_that_wraps_reaches_only_what_the_user_may_load() -> None:
    made = world(COPY)
    change(made, stride=(1 << 64) - PAGE_SIZE, source=SOURCE + PAGE_SIZE)
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    assert made.load(0, AREA + PAGE_SIZE) == 0x5000
    change(made, stride=1 << 47)
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == declined(Reason.SOURCE_RANGE)
    made.end()


@pytest.mark.parametrize("protection", [0, None])
def test_a_source_that_the_user_may_not_load_is_declined(protection: int | None) -> None:
    made = world(COPY)
    if protection is None:
        made.call("MUNMAP", SOURCE, PAGE_SIZE)
    else:
        made.call("MPROTECT", SOURCE, PAGE_SIZE, protection)
    before = entry(made)
    assert made.resolve(0, AREA) == declined(Reason.SOURCE_MISSING)
    assert entry(made) == before
    made.end()


def test_a_source_that_only_the_kernel_may_load_is_declined() -> None:
    made = world(COPY)
    made.mm.pages.set(SOURCE, made.mm.pages.entry(SOURCE) & ~PTE_U)
    assert made.resolve(0, AREA) == declined(Reason.SOURCE_MISSING)
    made.end()


def test_copying_marks_its_source_accessed_and_not_dirty() -> None:
    made = world(COPY)
    made.mm.pages.set(SOURCE, made.mm.pages.entry(SOURCE) & ~0x60)
    assert made.resolve(0, AREA) == FILLED
    assert made.mm.pages.entry(SOURCE) & 0x60 == 0x20
    made.end()


# -- the kernel between two steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", BEFORE)
def test_an_interrupt_waits_for_the_fill_in_flight(step: str) -> None:
    made = world(COPY)
    at(made, step)
    made.cores[0].flush_tlb()
    assert made.cores[0].directed.fill is None
    made.check()
    assert made.load(0, AREA) == 0x5000
    made.end()


def test_an_interrupt_gives_up_a_fill_that_waits() -> None:
    made = world()
    at(made, "fill", core=0)
    assert made.fault(1, AREA)
    assert made.step(1) is None
    made.cores[1].flush_tlb()
    assert made.cores[1].directed.fill is None
    assert made.finish(0) == FILLED
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_munmap_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step)
    assert made.call("MUNMAP", AREA, PAGES * PAGE_SIZE) == 0
    assert entry(made) == 0
    made.settled()
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_munmap_of_the_source_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step)
    assert made.call("MUNMAP", SOURCE, PAGES * PAGE_SIZE) == 0
    made.finish(0)
    assert made.load(0, AREA) in (0x5000, None)
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_mprotect_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step, error_code=U | W)
    assert made.call("MPROTECT", AREA, PAGES * PAGE_SIZE, 1) == 0
    made.finish(0)
    made.check()
    assert isinstance(made.cores[0].mmu.translate(AREA, USER | W), Trap)
    assert not made.fault(0, AREA + PAGE_SIZE)
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_mprotect_of_the_source_between_two_steps(step: str) -> None:
    """When it returns, the fill has its source or will not get it, and the kernel knows of every page."""
    made = world(COPY)
    assert made.resolve(1, AREA + PAGE_SIZE) == FILLED
    at(made, step)
    assert made.call("MPROTECT", SOURCE, PAGES * PAGE_SIZE, 0) == 0
    made.settled()
    made.finish(0)
    assert made.load(0, AREA) in (0x5000, None)
    made.end()


@pytest.mark.parametrize("step", BEFORE)
@pytest.mark.parametrize(
    "taken", [
        lambda w: w.call("MLOCK2", AREA, PAGES * PAGE_SIZE, 1),
        lambda w: w.ioctl(uffd_abi.UNREGISTER, AREA, PAGES * PAGE_SIZE),
    ], ids=["mlock", "unregister"],
)  # fmt: skip
def test_what_takes_an_area_out_of_its_directive_between_two_steps(step: str, taken: Callable[[World], object]) -> None:
    made = world(COPY, quota=PAGES)
    at(made, step)
    assert taken(made) == 0
    assert made.cores[0].directed.fill is None
    assert not any(arch.is_directed(each) for _, each in made.mm.pages.used(AREA, AREA + PAGES * PAGE_SIZE))
    assert not made.fault(0, AREA + PAGE_SIZE)
    made.check()
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_revoke_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step)
    assert made.revoke(1) == 0
    assert made.cores[0].directed.fill is None
    assert made.resolve(0, AREA + PAGE_SIZE) == declined(Reason.INVALID)
    made.end()


def test_a_stale_generation_is_declined_when_the_index_serves_another_range() -> None:
    made = world(pages=2)
    assert made.revoke(1) == 0
    assert made.direct(ZERO, 4, 2) == 1
    assert made.resolve(0, AREA) == declined(Reason.RANGE)
    change(made, start=AREA)
    assert made.resolve(0, AREA) == declined(Reason.STALE)
    made.end()


def test_an_index_whose_generations_are_used_up_serves_no_more() -> None:
    made = World(1)
    assert made.direct(ZERO, 0, 1) == 1
    assert made.memory is not None
    made.memory._generations[1] = arch.GENERATIONS - 1
    assert made.revoke(1) == 0
    assert made.direct(ZERO, 0, 1) == 2
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_a_kill_while_the_entry_is_busy(step: str) -> None:
    made = world(COPY)
    at(made, step)
    made.kill()
    assert made.cores[0].directed.fill is None
    assert made.cores[0].directed.context is None
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_a_fork_with_records_undrained(step: str) -> None:
    made = world(COPY)
    made.resolve(1, AREA + PAGE_SIZE)
    at(made, step)
    made.fork()
    made.settled()
    child = made.children[0].mm
    assert child.directed is None
    assert all(not arch.is_directed(each) for _, each in child.pages.used(AREA, AREA + PAGES * PAGE_SIZE))
    made.end()


def test_a_page_shared_by_fork_cannot_be_returned() -> None:
    made = world()
    assert made.resolve(0, AREA, U | W) == FILLED
    made.fork()
    assert made.page_out(0, AREA, 1, True) == CF
    assert made.page_out(0, AREA + PAGE_SIZE, 1, True) == CF
    made.end()


@pytest.mark.parametrize("pages", [PAGES, PAGES - 1])
def test_pages_that_a_fork_shares_are_returnable_by_neither_side_and_leave_the_quota(pages: int) -> None:
    """All pages of the range, and all but one: the kernel copies a part that is all there in one go."""
    made = world(frames=PAGES, quota=PAGES)
    for page in range(pages):
        assert made.resolve(0, AREA + page * PAGE_SIZE) == FILLED
    assert made.fork() == 0
    made.check()  # of the quota, too
    child = made.children[0].mm
    for mm in (made.mm, child):
        assert not any(each & arch.RETURNABLE for _, each in mm.pages.used(AREA, AREA + PAGES * PAGE_SIZE))
    assert made.page_out(0, AREA, 1, True) == CF
    found = made.memory.directive(1) if made.memory is not None else None
    assert found is not None
    assert found.left == PAGES
    made.end()


def test_pages_that_are_discarded_leave_the_quota() -> None:
    made = world(frames=PAGES, quota=PAGES)
    for page in range(PAGES):
        assert made.resolve(0, AREA + page * PAGE_SIZE) == FILLED
    assert made.call("MADVISE", AREA, PAGES * PAGE_SIZE, uapi.MADV_DONTNEED) == 0
    made.check()
    made.donate(0, PAGES)
    assert made.resolve(0, AREA) == FILLED
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_reclaim_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step)
    assert made.rings(0) == 0
    made.check()
    assert made.resolve(0, AREA + PAGE_SIZE) == declined(Reason.EMPTY)
    made.end()


@pytest.mark.parametrize("step", BEFORE)
def test_closing_the_userfaultfd_between_two_steps(step: str) -> None:
    made = world(COPY)
    at(made, step)
    assert made.call("CLOSE", 3) == 0
    assert made.mm.directed is None
    assert not made.fault(0, AREA + PAGE_SIZE)
    made.end()


def test_reclaim_of_a_page_that_a_fill_copies_from() -> None:
    made = World(2)
    made.donate(0, 4)
    made.write(SOURCE, b"inside!!")
    made.call("PWRITE64", made.memfd or 0, SOURCE, 8, 0)
    made.ioctl(uffd_abi.UNREGISTER, SHARED, SHARED_PAGES * PAGE_SIZE)
    made.write(SHARED, b"outside!")
    assert made.direct(COPY, 0, 1, source=SHARED) == 1
    at(made, "fill")
    vma = made.mm.vmas.find(SHARED)
    frame = made.mm.pages.entry(SHARED) & PTE_ADDRESS
    assert rmap.unmap(SimpleNamespace(offset=0, frame=frame), [(made.mm, vma)]) == 1  # type: ignore[arg-type, list-item]
    assert made.cores[0].directed.fill is None
    assert made.load(0, AREA) == int.from_bytes(b"outside!", "little")
    made.end()


# -- pages of a shared file ---------------------------------------------------------------------------------------


def test_map_maps_what_the_page_cache_holds_and_nothing_else() -> None:
    made = World(1)
    made.write(SOURCE, b"inside!!")
    assert made.call("PWRITE64", made.memfd or 0, SOURCE, 8, 0) == 8
    assert made.direct(MAP, 0, SHARED_PAGES, base=SHARED) == 1
    assert made.result(64) == 1
    assert made.resolve(0, SHARED) == FILLED
    assert made.load(0, SHARED) == int.from_bytes(b"inside!!", "little")
    assert made.resolve(0, SHARED + PAGE_SIZE) == declined(Reason.NOT_LISTED)
    assert made.page_out(0, SHARED, 1, True) == CF  # its frame is the page cache's
    made.end()


@pytest.mark.parametrize("step", ["claim", "frame", "fill", "record", "publish"])
def test_a_truncated_page_is_mapped_no_more(step: str) -> None:
    made = World(1)
    made.write(SOURCE, b"inside!!")
    made.call("PWRITE64", made.memfd or 0, SOURCE, 8, 0)
    made.direct(MAP, 0, SHARED_PAGES, base=SHARED)
    at(made, step, address=SHARED)
    assert made.call("FTRUNCATE", made.memfd or 0, 0) == 0
    made.check()
    assert made.resolve(0, SHARED) == declined(Reason.NOT_LISTED)
    made.end()


def test_step_8_repeats_the_walk_of_a_page_that_another_way_brought_in() -> None:
    made = world()
    at(made, "claim")
    assert made.ioctl(uffd_abi.ZEROPAGE, AREA, PAGE_SIZE, 0, 0) is not None
    assert directed_resolution.begin(made.cores[0], Trap(14, U, AREA), 0) is False
    made.end()
