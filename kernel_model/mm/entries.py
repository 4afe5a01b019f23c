"""What some page-table entries hold."""

from __future__ import annotations

from collections.abc import Iterable

from kernel_model.mm.page_tables import HELD, OWNED
from kernel_model.mm.side_by_side import is_one_run
from pffemu.arch.directed import RETURNABLE
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS


def owned_frames(entries: list[int]) -> list[int] | range:
    """The frames of the private pages among `entries`; a range if all are, side by side and with equal rights."""
    first, length = entries[0], len(entries) * PAGE_SIZE
    if first & OWNED and is_one_run(entries):
        frame = first & PTE_ADDRESS
        return range(frame, frame + length, PAGE_SIZE)
    return [entry & PTE_ADDRESS for entry in entries if entry & OWNED]


def returnable_pages(entries: Iterable[int]) -> int:
    """How many of the entries have a page that the instruction may return."""
    return sum(1 for entry in entries if entry & HELD and entry & RETURNABLE)
