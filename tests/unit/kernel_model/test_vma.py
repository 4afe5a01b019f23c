"""The place of mappings that ask for the lowest free range."""

from __future__ import annotations

from kernel_model.abi.uapi import PROT_READ
from kernel_model.mm.vma import STACK_GAP, Vma, VmaList
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
