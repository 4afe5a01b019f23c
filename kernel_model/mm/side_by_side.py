"""Pages that lie side by side, found together."""

from __future__ import annotations

from pffemu.arch.paging import PAGE_SIZE


def is_one_run(pages: list[int]) -> bool:
    """Whether each of `pages`, which are some, follows the one before it."""
    first, count = pages[0], len(pages)
    last = first + (count - 1) * PAGE_SIZE
    return pages[-1] == last and pages == list(range(first, last + 1, PAGE_SIZE))


def side_by_side(pages: list[int] | range) -> list[tuple[int, int]]:
    """(first, bytes) of each run of `pages`, in order: addresses, offsets or page-table entries of one page each.

    A range of them is one run.
    """
    if not pages:
        return []
    if isinstance(pages, range) or is_one_run(pages):
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
