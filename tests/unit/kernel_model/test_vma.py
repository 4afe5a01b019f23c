"""The list of areas against a model, and the place of mappings that ask for a free range."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import PROT_READ
from kernel_model.mm import vma as vma_module
from kernel_model.mm.vma import MMAP_MIN, MMAP_TOP, STACK_GAP, Vma, VmaList
from pffemu.arch.paging import PAGE_SIZE

START, END = 0x4000_0000, 0x8000_0000


def areas(*ranges: tuple[int, int], grows_down: bool = False) -> VmaList:
    vmas = VmaList()
    for start, end in ranges:
        vmas.insert(Vma(start, end, PROT_READ, grows_down=grows_down))
    return vmas


def test_the_lowest_gap_that_is_large_enough() -> None:
    vmas = areas((START - PAGE_SIZE, START + PAGE_SIZE), (START + 2 * PAGE_SIZE, START + 3 * PAGE_SIZE))
    assert vmas.lowest_free_range(PAGE_SIZE, START, END) == START + PAGE_SIZE
    assert vmas.lowest_free_range(2 * PAGE_SIZE, START, END) == START + 3 * PAGE_SIZE


def test_an_empty_range_is_used_from_its_start_to_its_end() -> None:
    assert areas().lowest_free_range(END - START, START, END) == START
    assert areas().lowest_free_range(END - START + PAGE_SIZE, START, END) is None
    assert areas((START, END)).lowest_free_range(PAGE_SIZE, START, END) is None


def test_a_stack_keeps_its_gap() -> None:
    vmas = areas((START + STACK_GAP + PAGE_SIZE, START + STACK_GAP + 2 * PAGE_SIZE), grows_down=True)
    assert vmas.lowest_free_range(PAGE_SIZE, START, END) == START
    assert vmas.lowest_free_range(2 * PAGE_SIZE, START, END) == START + STACK_GAP + 2 * PAGE_SIZE


def _highest_free(vmas: VmaList, length: int) -> int | None:
    """As free_range, looked for from the top every time."""
    top = MMAP_TOP
    for vma in reversed(list(vmas)):
        if vma.start >= top:
            continue
        if vma.end <= top - length:
            break
        top = vma.start - (STACK_GAP if vma.grows_down else 0)
    return top - length if top - length >= MMAP_MIN else None


_pages = st.integers(1, 6)
_step = st.tuples(st.sampled_from(["map", "map", "unmap", "stack"]), st.integers(0, 60), _pages)


@given(st.lists(_step, max_size=60))
def test_the_highest_free_range_is_found_from_where_the_last_search_ended(steps: list[tuple[str, int, int]]) -> None:
    vmas = VmaList()
    for what, place, pages in steps:
        length = pages * PAGE_SIZE
        if what == "unmap":
            start = MMAP_TOP - place * PAGE_SIZE - length
            vmas.remove(start, start + length)
            continue
        found = vmas.free_range(length)
        assert found == _highest_free(vmas, length)
        assert found is not None
        vmas.insert(Vma(found, found + length, PROT_READ, grows_down=what == "stack"))
        vmas.merge(found, found + length)


_change = st.tuples(st.sampled_from(["map", "unmap", "split", "merge", "grow"]), st.integers(0, 60), _pages)


@given(st.lists(_change, max_size=80))
def test_few_areas_a_block_hold_what_a_set_of_pages_holds(changes: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vma_module, "_MOST", 4)
        vmas, pages = VmaList(), set[int]()
        for what, first, count in changes:
            start, end, those = first * PAGE_SIZE, (first + count) * PAGE_SIZE, set(range(first, first + count))
            if what == "map" and not those & pages:
                vmas.insert(Vma(start, end, PROT_READ))
                pages |= those
            elif what == "unmap":
                gone = vmas.remove(start, end)
                assert {page for vma in gone for page in range(vma.start >> 12, vma.end >> 12)} == those & pages
                pages -= those
            elif what == "split":
                assert all(start <= vma.start < vma.end <= end for vma in vmas.isolate(start, end))
            elif what == "merge":
                vmas.merge(start, end)
            elif (
                what == "grow"
                and (vma := vmas.above(start)) is not None
                and not set(range(first, vma.start >> 12)) & pages
            ):
                pages |= set(range(first, vma.start >> 12))
                vmas.move_start(vma, start)
            _agree(vmas, pages)


def _agree(vmas: VmaList, pages: set[int]) -> None:
    areas = list(vmas)
    assert (len(vmas), vmas.size) == (len(areas), len(pages) * PAGE_SIZE)
    assert all(lower.end <= upper.start for lower, upper in pairwise(areas))
    assert {page for vma in areas for page in range(vma.start >> 12, vma.end >> 12)} == pages
    for page in range(0, 70, 3):
        at = page * PAGE_SIZE
        assert vmas.find(at) is next((vma for vma in areas if vma.start <= at < vma.end), None)
        assert vmas.above(at) is next((vma for vma in areas if vma.start > at), None)
        assert vmas.below(at) is next((vma for vma in reversed(areas) if vma.start < at), None)
        assert vmas.overlapping(at, at + 2 * PAGE_SIZE) == [
            v for v in areas if v.start < at + 2 * PAGE_SIZE and v.end > at
        ]
