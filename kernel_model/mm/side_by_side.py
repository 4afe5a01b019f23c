"""Pages that lie side by side, found together."""

from __future__ import annotations

from pffemu.arch.paging import PAGE_SIZE


def side_by_side(pages: list[int]) -> list[tuple[int, int]]:
    """(first, bytes) of each run of `pages`, in order: addresses, offsets or page-table entries of one page each."""
    if not pages:
        return []
    if pages == list(range(pages[0], pages[0] + len(pages) * PAGE_SIZE, PAGE_SIZE)):
        return [(pages[0], len(pages) * PAGE_SIZE)]
    runs: list[tuple[int, int]] = []
    start = behind = pages[0]
    for page in pages:
        if page != behind:
            runs.append((start, behind - start))
            start = page
        behind = page + PAGE_SIZE
    runs.append((start, behind - start))
    return runs
