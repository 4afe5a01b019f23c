"""The uffd_mmio device, register by register, and that no access can upset it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import uffd_mmio as reg
from pffemu.arch.paging import USER_END
from pffemu.events.hw import Mmio
from pffemu.hw.uffd_mmio import UffdMmio
from pffemu.hw.uffd_regions import Region, RegionTable
from tests.guest_tools import CHECKPOINT, REGION, REGION_PAGES, forwarding_guest, load

START, END = 0x7F12_3456_7000, 0x7F12_3457_0000


def device(capacity: int = 4) -> UffdMmio:
    return UffdMmio(RegionTable(capacity))


def command(uffd: UffdMmio, code: int, start: int, end: int, tag: int = 0, mode: int = reg.MODE_MISSING) -> int:
    for offset, value in ((reg.TAG, tag), (reg.MODE, mode), (reg.START, start), (reg.END, end), (reg.COMMAND, code)):
        uffd.write(offset, 8, value)
    return uffd.read(reg.STATUS, 8)


def test_the_prototypes_four_32_bit_stores_add_the_range() -> None:
    uffd = device()
    for offset, value in ((0x0, START & 0xFFFFFFFF), (0x4, START >> 32), (0x8, END & 0xFFFFFFFF), (0xC, END >> 32)):
        assert uffd.table.regions == []
        uffd.write(offset, 4, value)
    assert uffd.table.regions == [Region(0, START, END, reg.MODE_MISSING)]
    assert uffd.read(reg.STATUS, 4) == reg.STATUS_OK


def test_two_64_bit_stores_only_latch_and_the_command_adds_the_range() -> None:
    uffd = device()
    uffd.write(reg.START, 8, START)
    uffd.write(reg.END, 8, END)
    assert uffd.table.regions == []
    uffd.write(reg.COMMAND, 4, reg.COMMAND_ADD)
    assert uffd.table.regions == [Region(0, START, END, reg.MODE_MISSING)]


def test_remove_takes_out_the_middle_and_remove_tag_the_rest() -> None:
    uffd = device()
    assert command(uffd, reg.COMMAND_ADD, 0x10000, 0x20000, tag=0x5000) == reg.STATUS_OK
    assert command(uffd, reg.COMMAND_ADD, 0x10000, 0x20000, tag=0x6000) == reg.STATUS_OK
    assert command(uffd, reg.COMMAND_REMOVE, 0x14000, 0x18000, tag=0x5000) == reg.STATUS_OK
    left = [(r.tag, r.start, r.end) for r in uffd.table.regions]
    assert left == [(0x5000, 0x10000, 0x14000), (0x5000, 0x18000, 0x20000), (0x6000, 0x10000, 0x20000)]
    assert uffd.read(reg.COUNT, 8) == 3
    assert command(uffd, reg.COMMAND_REMOVE_TAG, 0, 0, tag=0x5000) == reg.STATUS_OK
    assert [r.tag for r in uffd.table.regions] == [0x6000]


@pytest.mark.parametrize(
    ("start", "end", "mode"),
    [
        (0x1000, 0x1000, 1), (0x2000, 0x1000, 1), (0x1001, 0x2000, 1), (0x1000, 0x2001, 1), (0, USER_END + 0x1000, 1),
        (1 << 63, (1 << 63) + 0x1000, 1), (0x1000, 0x2000, 0), (0x1000, 0x2000, 8),
    ],
)  # fmt: skip
def test_a_bad_range_is_status_1_and_changes_nothing(start: int, end: int, mode: int) -> None:
    uffd = device()
    assert command(uffd, reg.COMMAND_ADD, start, end, mode=mode) == reg.STATUS_BAD_RANGE
    assert uffd.table.regions == []


def test_a_full_table_is_status_2_and_the_next_good_command_is_status_0() -> None:
    uffd = device(capacity=1)
    assert command(uffd, reg.COMMAND_ADD, 0x1000, 0x4000) == reg.STATUS_OK
    assert command(uffd, reg.COMMAND_ADD, 0x8000, 0x9000) == reg.STATUS_FULL
    assert command(uffd, reg.COMMAND_REMOVE, 0x2000, 0x3000) == reg.STATUS_FULL
    assert uffd.table.regions == [Region(0, 0x1000, 0x4000, reg.MODE_MISSING)]
    assert command(uffd, reg.COMMAND_ADD, 0x4000, 0x5000) == reg.STATUS_OK
    assert uffd.read(reg.CAPACITY, 8) == 1


def test_latches_and_counts_read_back_in_both_widths() -> None:
    uffd = device(7)
    uffd.write(reg.START, 8, START)
    uffd.write(reg.TAG, 8, 0x12_3456_7000)
    uffd.write(reg.MODE, 4, 3)
    assert (uffd.read(0, 8), uffd.read(0, 4), uffd.read(4, 4)) == (START, START & 0xFFFFFFFF, START >> 32)
    assert uffd.read(reg.TAG, 8) == 0x12_3456_7000
    assert uffd.read(reg.MODE, 8) == 3
    assert uffd.read(reg.CAPACITY, 4) == 7


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (0, 2), (2, 4), (4, 8), (1, 4), (0xE, 4), (0x12, 4)])
def test_an_access_of_another_size_or_alignment_reads_0_and_does_nothing(offset: int, size: int) -> None:
    uffd = device()
    uffd.write(reg.START, 8, START)
    uffd.write(offset, size, 0x2000)
    assert uffd.read(offset, size) == 0
    assert uffd.read(reg.START, 8) == START
    assert uffd.table.regions == []


accesses = st.tuples(
    st.booleans(),
    st.integers(0, 0x40) | st.integers(0, 0xFFF),
    st.sampled_from((1, 2, 4, 8)),
    st.sampled_from((0, 1, 2, 3, 0x1000, 0x2000, 0x9000, START, END)) | st.integers(0, (1 << 64) - 1),
)


@given(steps=st.lists(accesses, max_size=60))
def test_no_sequence_of_accesses_raises_or_breaks_the_table(steps: list[tuple[bool, int, int, int]]) -> None:
    uffd = device(3)
    for write, offset, size, value in steps:
        if write:
            uffd.write(offset, size, value & ((1 << 8 * size) - 1))
        first = uffd.read(offset, size)
        assert 0 <= first < 1 << 8 * size
        assert uffd.read(offset, size) == first  # a load has no side effect
    assert len(uffd.table.regions) <= 3
    assert uffd.read(reg.COUNT, 8) == len(uffd.table.regions)
    assert uffd.read(reg.STATUS, 8) in (reg.STATUS_OK, reg.STATUS_BAD_RANGE, reg.STATUS_FULL)


@pytest.mark.parametrize("base", [reg.BASE, 0xC010_0000, 0x0010_0000])
def test_the_driver_tells_the_device_about_a_region_by_mmio_wherever_the_device_lies(base: int) -> None:
    done = load(forwarding_guest(CHECKPOINT + "jmp leave\n"), uffd_mmio_base=base).to_checkpoint()
    (region,) = done.machine.regions.regions
    assert (region.start, region.end) == (REGION, REGION + REGION_PAGES * 0x1000)
    stores = [(event.offset, event.value) for event in done.of(Mmio) if event.write]
    assert stores == [
        (reg.TAG, done.cpu.mmu.fill.root), (reg.MODE, reg.MODE_MISSING), (reg.START, region.start),
        (reg.END, region.end), (reg.COMMAND, reg.COMMAND_ADD),
    ]  # fmt: skip
    assert done.machine.run().exit_code == 0
    assert done.machine.regions.regions == []
