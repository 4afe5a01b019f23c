"""The lists of file pages by age (struct lruvec): each page in the cache is on exactly one, oldest first."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from math import isqrt
from typing import Final

from kernel_model.mm.reclaim.page import CachedPage, Where
from pffemu.arch.paging import PAGE_SIZE

_GIB: Final = (1 << 30) // PAGE_SIZE


class PageLists:
    """Active, inactive and unevictable pages by frame, and the shadows of pages that were evicted."""

    def __init__(self, remembered: int) -> None:
        """`remembered`: shadows kept at most; those of the longest evicted pages are dropped."""
        self.inactive: OrderedDict[int, CachedPage] = OrderedDict()
        self.active: OrderedDict[int, CachedPage] = OrderedDict()
        self.unevictable: OrderedDict[int, CachedPage] = OrderedDict()
        self.age = 0  # evictions and activations so far (Linux: nonresident_age)
        self._remembered = remembered
        self._shadows: OrderedDict[tuple[int, int], tuple[int, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.inactive) + len(self.active) + len(self.unevictable)

    def _list(self, where: Where) -> OrderedDict[int, CachedPage]:
        if where is Where.INACTIVE:
            return self.inactive
        return self.active if where is Where.ACTIVE else self.unevictable

    def put(self, page: CachedPage, where: Where) -> None:
        """Move `page` to the young end of a list."""
        self.take_out(page)
        page.where = where
        self._list(where)[page.frame] = page

    def put_new(self, pages: list[CachedPage]) -> None:
        """`put` of pages that are on no list: each to the young end of the inactive one."""
        for page in pages:
            page.where = Where.INACTIVE
            self.inactive[page.frame] = page

    def put_first(self, page: CachedPage) -> None:
        """Move `page` to the old end of the inactive list."""
        self.put(page, Where.INACTIVE)
        self.inactive.move_to_end(page.frame, last=False)

    def take_out(self, page: CachedPage) -> None:
        """Take `page` from its list."""
        if page.where is not Where.NOWHERE:
            del self._list(page.where)[page.frame]
            page.where = Where.NOWHERE

    def oldest(self, where: Where, count: int) -> list[CachedPage]:
        return list(islice(self._list(where).values(), count))

    @property
    def inactive_is_low(self) -> bool:
        """Whether active pages have to be aged: small memories keep half of the pages inactive, large ones fewer."""
        gibibytes = len(self) // _GIB
        ratio = isqrt(10 * gibibytes) if gibibytes else 1
        return len(self.inactive) * ratio < len(self.active)

    def activate(self, page: CachedPage) -> None:
        """The page is in use: move it to the active list."""
        self.put(page, Where.ACTIVE)
        page.referenced = False
        self.age += 1

    # -- shadows ------------------------------------------------------------------------------------------------

    def evicted(self, page: CachedPage) -> None:
        """Remember when `page`, which leaves the cache, was evicted (workingset_eviction)."""
        self.age += 1
        key = (page.file.serial, page.offset)
        self._shadows[key] = (self.age, page.workingset)
        self._shadows.move_to_end(key)
        if len(self._shadows) > self._remembered:
            self._shadows.popitem(last=False)

    @property
    def has_shadows(self) -> bool:
        """Whether a page that comes may be one that was evicted."""
        return bool(self._shadows)

    def refault(self, page: CachedPage) -> tuple[bool, bool]:
        """A page has come back: whether it was remembered, and whether it would have stayed on a longer list.

        It would have, if no more pages were evicted or activated meanwhile than are active (workingset_refault).
        """
        shadow = self._shadows.pop((page.file.serial, page.offset), None)
        if shadow is None:
            return False, False
        age, workingset = shadow
        near = self.age - age <= len(self.active)
        page.workingset = near and workingset
        return True, near
