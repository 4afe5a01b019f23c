"""Pages that go back by PAGEOUT, frames that come back to their rings, and what the ioctls refuse."""

from __future__ import annotations

import pytest

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.uapi import Errno
from pffemu.arch import directed as arch
from pffemu.arch.directed import Reason
from pffemu.arch.exceptions import GP, PF, UD
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_D, PTE_P, USER_END
from pffemu.hw import directed_resolution, frame_rings
from pffemu.hw.trap import Trap
from tests.directed_cases import CF, COPY, FILLED, MAP, ZERO, ZF, at, change, declined, entry, world
from tests.directed_world import AREA, PAGES, SHARED, SOURCE, U, W, World

# -- returning pages ----------------------------------------------------------------------------------------------


def test_a_returned_frame_waits_for_every_core() -> None:
    made = world(frames=1)
    assert made.resolve(0, AREA) == FILLED
    assert made.load(1, AREA) == 0  # the other core has cached the translation
    assert made.page_out(0, AREA, 1, False) == 0
    assert made.resolve(0, AREA + PAGE_SIZE) == declined(Reason.UNACKNOWLEDGED)
    for cpu in made.cpus[1:]:
        cpu.flush_tlb()
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    made.end()


def test_a_returned_frame_does_not_wait_for_cores_that_run_another_process() -> None:
    made = world(frames=1)
    assert made.resolve(0, AREA) == FILLED
    assert made.page_out(0, AREA, 1, False) == 0
    for cpu in made.cpus[1:]:
        cpu.directed.load(made.ram.words, None)
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    made.end()


def test_a_refill_makes_one_flush_a_core_for_a_batch() -> None:
    made = World(2)
    assert made.rings(8, 4, 4) == 0
    made.donate(0, 8)
    assert made.direct(ZERO) == 1
    for page in range(8):
        assert made.resolve(0, AREA + page * PAGE_SIZE) == FILLED
        assert made.page_out(0, AREA + page * PAGE_SIZE, 1, False) == 0
    epochs = made.memory.context(0).epochs if made.memory is not None else 0
    current = made.ram.words[(epochs >> 3) + arch.EPOCH]
    assert frame_rings.acknowledged(made.ram.words, epochs, 3) < current
    made.refill()
    assert frame_rings.acknowledged(made.ram.words, epochs, 3) == current
    assert made.memory is not None
    assert made.memory.return_ring(0).count == 0
    assert made.memory.frame_ring(0).count == 8
    made.check()
    made.end()


def test_a_ring_below_its_mark_interrupts_the_helper_once_until_it_is_refilled() -> None:
    made = World(1)
    helper = made.kernel_cpu
    assert made.rings(8, 4, 2) == 0
    made.donate(0, 4)
    assert made.direct(ZERO) == 1
    helper.arrivals.clear()
    for page in range(2):
        assert made.resolve(0, AREA + page * PAGE_SIZE) == FILLED
    assert [arrival.vector for arrival in helper.arrivals] == [directed_resolution.LOW_VECTOR]
    made.refill()
    assert made.memory is not None
    assert made.memory.frame_ring(0).count == 4
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == FILLED
    assert len(helper.arrivals) == 2
    helper.arrivals.clear()
    made.end()


def test_a_ring_at_its_mark_interrupts_nobody() -> None:
    made = World(1)
    assert made.rings(8, 4, 2) == 0
    made.donate(0, 5)
    assert made.direct(ZERO) == 1
    made.kernel_cpu.arrivals.clear()
    assert made.resolve(0, AREA) == FILLED
    assert not made.kernel_cpu.arrivals
    assert made.resolve(0, AREA + PAGE_SIZE) == FILLED
    assert [each.vector for each in made.kernel_cpu.arrivals] == [directed_resolution.LOW_VECTOR]
    made.kernel_cpu.arrivals.clear()
    made.end()


def test_a_fill_under_way_on_a_core_keeps_returned_frames_from_use() -> None:
    made = world(COPY, source=AREA + 6 * PAGE_SIZE, pages=6)
    assert made.direct(ZERO, 6, 6) == 2
    assert made.resolve(0, AREA + 6 * PAGE_SIZE) == FILLED
    at(made, "fill", core=0)  # it has translated its source
    assert made.page_out(1, AREA + 6 * PAGE_SIZE, 2, False) == 0
    made.donate(1, 8)  # recycles: waits for the fill, then flushes
    assert made.cores[0].directed.fill is None
    made.check()
    made.end()


def test_pageout_checks_before_it_changes_anything() -> None:
    made = world()
    assert made.page_out(0, AREA, 1, True) == CF  # absent
    assert made.page_out(0, SOURCE, 1, True) == CF  # not in the range
    assert made.resolve(0, AREA, U | W) == FILLED
    assert made.page_out(0, AREA, 2, True) == CF  # no such directive
    assert made.page_out(0, AREA, 1, False) == CF | ZF  # dirty
    assert made.page_out(0, AREA, 0, False) == Trap(GP)
    assert made.page_out(0, AREA, 256, False) == Trap(GP)
    for beyond in (USER_END, 0xFFFF_8880_0000_0000):
        assert made.page_out(0, beyond, 1, False) == Trap(GP)
    change(made, valid=False)
    assert made.page_out(0, AREA, 1, True) == CF
    change(made, valid=True, tag=0x1000)
    assert made.page_out(0, AREA, 1, True) == CF
    made.cores[0].cr4_uintr = False
    assert made.page_out(0, AREA, 1, True) == Trap(UD)
    made.cores[0].cr4_uintr = True
    made.end()


def test_a_return_is_a_record_and_a_frame_with_a_new_epoch() -> None:
    made = world()
    assert made.memory is not None
    context = made.memory.context(0)
    assert made.resolve(0, AREA) == FILLED
    frame = entry(made) & PTE_ADDRESS
    before = made.ram.words[(context.epochs >> 3) + arch.EPOCH]
    assert made.page_out(0, AREA, 1, False) == 0
    assert entry(made) == arch.absent(1, 0)
    assert made.ram.words[(context.epochs >> 3) + arch.EPOCH] == before + 1
    assert made.memory.return_ring(0).entries() == [[frame, before + 1]]
    records = frame_rings.record_ring(made.ram.words, context.records).entries()
    assert records == [[AREA | arch.FILLED, frame | 1], [AREA | arch.RETURNED, frame | 1]]
    made.end()


def test_pageout_leaves_the_page_while_the_gate_is_closed() -> None:
    made = world()
    assert made.memory is not None
    epochs = made.memory.context(0).epochs
    assert made.resolve(0, AREA) == FILLED
    frame_rings.move_gate(made.ram.words, epochs, 1)
    assert made.page_out(0, AREA, 1, False) == CF
    frame_rings.move_gate(made.ram.words, epochs, -1)
    assert made.page_out(0, AREA, 1, False) == 0
    made.end()


def test_pageout_by_the_index_of_another_range_changes_nothing() -> None:
    made = world(pages=2)
    assert made.direct(ZERO, 2, 2) == 2
    assert made.resolve(0, AREA) == FILLED
    assert made.page_out(0, AREA, 2, True) == CF
    assert made.page_out(0, AREA, 1, True) == 0
    made.end()


def again(made: World, page: int, pages: int, prot: int = 1) -> None:
    """A new area in the place of pages of the old one."""
    start, length = AREA + page * PAGE_SIZE, pages * PAGE_SIZE
    assert made.call("MMAP", start, length, prot, 0x32, (1 << 64) - 1, 0) == start
    assert made.ioctl(uffd_abi.REGISTER, start, length, uffd_abi.MODE_MISSING, 0) == 0


def test_pageout_cannot_put_a_page_under_a_directive_that_had_wider_rights_there_once() -> None:
    made = world(COPY)
    again(made, 0, 2)
    assert made.direct(ZERO, 0, 2, rights=1) == 2
    assert made.resolve(0, AREA) == FILLED
    assert made.page_out(0, AREA, 1, True) == CF
    assert made.resolve(0, AREA + 2 * PAGE_SIZE) == FILLED  # the rest of the old one has its sources as before
    assert made.load(0, AREA + 2 * PAGE_SIZE) == 0x5002
    made.check()
    made.end()


def test_a_directive_without_areas_ends_where_another_comes() -> None:
    made = world()
    again(made, 0, PAGES)
    assert made.direct(ZERO, 0, PAGES, rights=1) == 1
    assert made.resolve(0, AREA, U | W) == declined(Reason.RIGHTS)
    made.end()


def test_a_directive_keeps_its_range_while_it_has_areas_on_both_sides() -> None:
    made = world()
    again(made, 4, 2)
    assert made.direct(ZERO, 4, 2, rights=1) == -Errno.EBUSY
    assert made.resolve(0, AREA) == FILLED
    made.check()
    made.end()


def test_pageout_leaves_the_page_when_a_ring_is_full() -> None:
    made = world()
    assert made.memory is not None
    assert made.resolve(0, AREA) == FILLED
    context = made.memory.context(0)
    for at_header, count in ((context.returns >> 3, 0), (context.records >> 3, 1)):
        capacity, made.ram.words[at_header + arch.CAPACITY] = made.ram.words[at_header + arch.CAPACITY], count
        assert made.page_out(0, AREA, 1, False) == CF
        made.ram.words[at_header + arch.CAPACITY] = capacity
    assert made.page_out(0, AREA, 1, False) == 0
    made.end()


def test_pages_whose_rights_have_changed_cannot_be_returned() -> None:
    made = world()
    assert made.resolve(0, AREA) == FILLED
    assert made.call("MPROTECT", AREA, PAGE_SIZE, 1) == 0
    assert made.page_out(0, AREA, 1, True) == CF
    made.end()


def test_a_directive_that_was_revoked_takes_no_page_back() -> None:
    made = world()
    assert made.resolve(0, AREA) == FILLED
    assert made.revoke(1) == 0
    assert made.page_out(0, AREA, 1, True) == CF
    made.end()


# -- the ioctls' checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "errno"),
    [
        ({"kind": 0}, Errno.EINVAL),
        ({"kind": 4}, Errno.EINVAL),
        ({"kind": ZERO, "rights": 0}, Errno.EINVAL),
        ({"kind": ZERO, "rights": 4}, Errno.EINVAL),
        ({"kind": ZERO, "around": 10}, Errno.EINVAL),
        ({"kind": ZERO, "flags": 2}, Errno.EINVAL),
        ({"kind": ZERO, "base": AREA + 8}, Errno.EINVAL),
        ({"kind": ZERO, "pages": PAGES + 1}, Errno.ENOENT),
        ({"kind": ZERO, "base": SOURCE}, Errno.ENOENT),
        ({"kind": ZERO, "base": SHARED, "pages": 1}, Errno.EINVAL),
        ({"kind": MAP}, Errno.EINVAL),
    ],
)
def test_direct_refuses(options: dict[str, int], errno: Errno) -> None:
    made = World(1)
    assert made.direct(**options) == -errno  # type: ignore[arg-type]
    made.end()


def test_direct_refuses_rights_beyond_the_areas() -> None:
    made = World(1)
    assert made.call("MPROTECT", AREA, PAGES * PAGE_SIZE, 1) == 0
    assert made.direct(ZERO) == -Errno.EACCES
    assert made.direct(ZERO, rights=1) == 1
    assert made.direct(ZERO, rights=1) == -Errno.EBUSY
    made.end()


def test_direct_refuses_executable_and_locked_memory() -> None:
    made = World(1)
    assert made.call("MPROTECT", AREA, PAGE_SIZE, 7) == 0
    assert made.direct(ZERO, pages=1) == -Errno.EACCES
    made.map_area()
    made.register()
    assert made.call("MLOCK2", AREA, PAGES * PAGE_SIZE, 1) == 0
    assert made.direct(ZERO) == -Errno.EINVAL
    made.end()


def test_the_table_of_directives_is_finite() -> None:
    made = World(1)
    assert made.direct(ZERO, 0, 1) == 1
    assert made.memory is not None
    made.memory._generations |= dict.fromkeys(range(2, 256), arch.GENERATIONS)
    assert made.direct(ZERO, 1, 1) == -Errno.ENOSPC
    made.end()


def test_directives_beyond_memory_are_refused() -> None:
    made = World(1)
    huge = 0x6000_0000_0000
    assert made.call("MMAP", huge, 1 << 40, 3, 0x4032, (1 << 64) - 1, 0) == huge
    assert made.ioctl(uffd_abi.REGISTER, huge, 1 << 40, 1, 0) == 0
    assert made.direct(ZERO, 0, (1 << 40) // PAGE_SIZE, base=huge) == -Errno.ENOMEM
    assert made.rings(1 << 20) == -Errno.ENOMEM
    assert made.rings(4, 5, 1) == -Errno.EINVAL
    made.end()


def test_rings_can_be_made_anew_as_often_as_the_program_likes() -> None:
    made = world(pages=2)
    for frames in range(800, 1100):
        assert made.rings(frames) == 0
    assert made.direct(ZERO, 2, 2) == 2
    made.donate(0, 1)
    assert made.resolve(0, AREA) == FILLED
    assert made.load(0, AREA) == 0
    made.end()


def another_userfaultfd(made: World) -> int:
    fd = made.call("USERFAULTFD", 0)
    assert fd is not None
    assert made.ioctl(uffd_abi.API, 0xAA, 0, 0, fd=fd) == 0
    return fd


def test_revoke_needs_the_userfaultfd_that_made_it() -> None:
    made = world()
    assert made.revoke(2) == -Errno.ENOENT
    assert made.ioctl(uffd_abi.REVOKE, 1, fd=another_userfaultfd(made)) == -Errno.ENOENT
    assert made.resolve(0, AREA) == FILLED
    made.end()


def test_a_child_with_directives_of_its_own_cannot_return_what_it_shares() -> None:
    made = world()
    assert made.resolve(0, AREA, U | W) == FILLED
    made.fork()
    made.become_child()
    fd = another_userfaultfd(made)
    assert made.ioctl(uffd_abi.REGISTER, AREA, PAGES * PAGE_SIZE, uffd_abi.MODE_MISSING, 0, fd=fd) == 0
    words = (AREA, PAGES * PAGE_SIZE, ZERO | 3 << 32, 0, 0, 0, 0, 0, 0)
    assert made.ioctl(uffd_abi.DIRECT, *words, fd=fd) == 0
    assert made.page_out(0, AREA, 1, True) == CF
    made.check()
    made.end()


def test_donated_pages_must_be_the_programs_alone() -> None:
    made = world(frames=0)
    assert made.donate(0, 1, AREA) == -Errno.EFAULT  # missing
    assert made.donate(0, 1, 0x7000_0000) == -Errno.EFAULT  # no area
    assert made.donate(9, 1) == -Errno.EINVAL
    made.fork()
    assert made.donate(0, 1, SOURCE) == -Errno.EFAULT  # shared with the child
    made.end()


# -- fault-around -------------------------------------------------------------------------------------------------


def present(made: World) -> list[int]:
    return [page for page in range(PAGES) if entry(made, page) & PTE_P]


def test_fault_around_fills_the_aligned_block_and_only_the_page_of_the_access_is_dirty() -> None:
    made = world(frames=8, around=2)
    assert directed_resolution.resolve(made.cores[0], Trap(PF, U | W, AREA + 5 * PAGE_SIZE), 0) == FILLED
    assert present(made) == [4, 5, 6, 7]
    assert [page for page in range(PAGES) if entry(made, page) & PTE_D] == [5]
    made.check()
    made.end()


def test_fault_around_stays_within_the_directive() -> None:
    made = world(frames=8, around=3, page=2, pages=4)
    assert directed_resolution.resolve(made.cores[0], Trap(PF, U, AREA + 3 * PAGE_SIZE), 0) == FILLED
    assert present(made) == [2, 3, 4, 5]
    made.end()


def test_fault_around_ends_with_the_first_decline_and_leaves_other_entries_alone() -> None:
    made = world(frames=3, around=2)
    made.ioctl(uffd_abi.WRITEPROTECT, AREA, PAGE_SIZE, 1)
    assert directed_resolution.resolve(made.cores[0], Trap(PF, U, AREA + 2 * PAGE_SIZE), 0) == FILLED
    assert present(made) == [1, 2, 3]
    assert directed_resolution.resolve(made.cores[0], Trap(PF, U, AREA + 4 * PAGE_SIZE), 0) == declined(Reason.EMPTY)
    made.end()


def test_an_interrupt_ends_fault_around() -> None:
    made = world(frames=8, around=2)
    made.cores[0].event_at = 0
    assert directed_resolution.resolve(made.cores[0], Trap(PF, U, AREA), 0) == FILLED
    assert present(made) == [0]
    made.cores[0].plan()
    made.end()


def test_an_interrupt_that_is_due_at_that_very_cycle_ends_fault_around() -> None:
    made = world(frames=8, around=2, pages=8)
    cpu = made.cores[0]
    assert directed_resolution.resolve(cpu, Trap(PF, U, AREA), 0) == FILLED
    assert present(made) == [0, 1, 2, 3]
    before = cpu.clock
    cpu.event_at = before  # one page takes as long as another
    assert directed_resolution.resolve(cpu, Trap(PF, U, AREA + 4 * PAGE_SIZE), 0) == FILLED
    took = cpu.clock - before
    assert present(made) == [0, 1, 2, 3, 4]
    assert made.call("MADVISE", AREA, 8 * PAGE_SIZE, uapi.MADV_DONTNEED) == 0
    made.donate(0, 8)
    cpu.event_at = cpu.clock + took
    assert directed_resolution.resolve(cpu, Trap(PF, U, AREA), 0) == FILLED
    assert present(made) == [0]
    cpu.plan()
    made.end()
