"""The MMU's table of userfaultfd regions, for refused walks (pff: "make the MMU aware of UFFD regions").

A range belongs to one address space (tag: page-table base) and covers missing pages, write-protected ones, or both.
Ranges of one tag and mode that overlap or touch become one; removing the middle of a range leaves two.
Tag 0 stands for every address space: the prototype's table has no tags.
"""

from __future__ import annotations

from typing import NamedTuple

from pffemu.arch.pagefault import RSVD, P, W
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT

CAPACITY = 64


class Region(NamedTuple):
    tag: int
    start: int  # byte address, page-aligned
    end: int  # first byte behind
    mode: int  # MODE_MISSING | MODE_WRITE_PROTECT


class BadRangeError(ValueError):
    """Not page-aligned, empty, outside user space, or without a known mode."""


class TableFullError(ValueError):
    """The change needs more entries than the table has; nothing was changed."""


def covers(mode: int, error_code: int) -> bool:
    """Whether a region of `mode` covers a fault with this error code. No mode covers a reserved-bit fault."""
    if error_code & RSVD:
        return False
    if error_code & P == 0:
        return mode & MODE_MISSING != 0
    return mode & MODE_WRITE_PROTECT != 0 and error_code & W != 0


class RegionTable:
    """The table: at most `capacity` regions, sorted."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.regions: list[Region] = []

    def find(self, tag: int, address: int) -> list[Region]:
        """The regions (one a mode) that hold `address` in the address space `tag`."""
        return [r for r in self.regions if r.start <= address < r.end and r.tag in (tag, 0)]

    def add(self, new: Region) -> None:
        """Add a range. Raises BadRangeError, TableFullError."""
        _check(new)
        kept = []
        for old in self.regions:
            if (old.tag, old.mode) == (new.tag, new.mode) and old.start <= new.end and new.start <= old.end:
                new = new._replace(start=min(old.start, new.start), end=max(old.end, new.end))
            else:
                kept.append(old)
        self._replace([*kept, new])

    def remove(self, tag: int, start: int, end: int) -> None:
        """Take [start, end) out of every region of `tag`. Raises BadRangeError, TableFullError."""
        _check(Region(tag, start, end, MODE_MISSING))
        kept = []
        for old in self.regions:
            if old.tag != tag or old.end <= start or end <= old.start:
                kept.append(old)
                continue
            if old.start < start:
                kept.append(old._replace(end=start))
            if end < old.end:
                kept.append(old._replace(start=end))
        self._replace(kept)

    def remove_tag(self, tag: int) -> None:
        self.regions = [region for region in self.regions if region.tag != tag]

    def _replace(self, regions: list[Region]) -> None:
        if len(regions) > self.capacity:
            raise TableFullError(f"{len(regions)} regions, {self.capacity} fit")
        self.regions = sorted(regions)


def _check(region: Region) -> None:
    if region.start % PAGE_SIZE or region.end % PAGE_SIZE or not 0 <= region.start < region.end <= USER_END:
        raise BadRangeError(f"[{region.start:#x}, {region.end:#x})")
    if region.mode & ~(MODE_MISSING | MODE_WRITE_PROTECT) or not region.mode:
        raise BadRangeError(f"mode {region.mode:#x}")
