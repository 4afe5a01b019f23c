"""The MMU's table of userfaultfd regions, for refused walks (pff: "make the MMU aware of UFFD regions").

A range belongs to one address space (tag: page-table base) and covers missing pages, write-protected ones, or both.
Ranges of one tag and mode that overlap or touch become one; removing the middle of a range leaves two.
Tag 0 stands for every address space: the prototype's table has no tags.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from pffemu.arch.pagefault import RSVD, P, W
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT

CAPACITY = 1024


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


_Ranges = tuple[list[int], list[int]]  # the starts and ends of ranges that neither overlap nor touch, sorted


class RegionTable:
    """The table: at most `capacity` regions."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._tags: dict[int, dict[int, _Ranges]] = {}  # tag -> mode -> ranges
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def regions(self) -> list[Region]:
        """All regions, sorted."""
        return sorted(
            Region(tag, start, end, mode)
            for tag, modes in self._tags.items()
            for mode, ranges in modes.items()
            for start, end in zip(*ranges, strict=True)
        )

    @regions.setter
    def regions(self, regions: list[Region]) -> None:
        self._tags, self._count = {}, 0
        for region in regions:
            self.add(region)

    def find(self, tag: int, address: int) -> list[Region]:
        """The regions (one a mode) that hold `address` in the address space `tag`, sorted."""
        found = []
        for each in (0, tag) if tag else (0,):
            for mode, (starts, ends) in self._tags.get(each, _NONE).items():
                i = bisect_right(starts, address) - 1
                if i >= 0 and address < ends[i]:
                    found.append(Region(each, starts[i], ends[i], mode))
        return sorted(found) if len(found) > 1 else found

    def add(self, new: Region) -> None:
        """Add a range. Raises BadRangeError, TableFullError."""
        _check(new)
        starts, ends = self._tags.get(new.tag, {}).get(new.mode, ([], []))
        first, behind = bisect_left(ends, new.start), bisect_right(starts, new.end)  # those it overlaps or touches
        self._grow(1 - (behind - first))
        start, end = new.start, new.end
        if first < behind:
            start, end = min(start, starts[first]), max(end, ends[behind - 1])
        starts[first:behind], ends[first:behind] = [start], [end]
        self._tags.setdefault(new.tag, {})[new.mode] = starts, ends

    def remove(self, tag: int, start: int, end: int) -> None:
        """Take [start, end) out of every region of `tag`. Raises BadRangeError, TableFullError."""
        _check(Region(tag, start, end, MODE_MISSING))
        changes = []
        for starts, ends in self._tags.get(tag, _NONE).values():
            first, behind = bisect_right(ends, start), bisect_left(starts, end)
            left = [(low, start) for low in starts[first:behind][:1] if low < start]
            left += [(end, high) for high in ends[first:behind][-1:] if high > end]
            changes.append((starts, ends, first, behind, left))
        self._grow(sum(len(left) - (behind - first) for _, _, first, behind, left in changes))
        for starts, ends, first, behind, left in changes:
            starts[first:behind] = [low for low, _ in left]
            ends[first:behind] = [high for _, high in left]

    def remove_tag(self, tag: int) -> None:
        self._count -= sum(len(starts) for starts, _ in self._tags.pop(tag, _NONE).values())

    def _grow(self, by: int) -> None:
        """Count `by` more regions."""
        if self._count + by > self.capacity:
            raise TableFullError(f"{self._count + by} regions, {self.capacity} fit")
        self._count += by


_NONE: Final[dict[int, _Ranges]] = {}


def _check(region: Region) -> None:
    if region.start % PAGE_SIZE or region.end % PAGE_SIZE or not 0 <= region.start < region.end <= USER_END:
        raise BadRangeError(f"[{region.start:#x}, {region.end:#x})")
    if region.mode & ~(MODE_MISSING | MODE_WRITE_PROTECT) or not region.mode:
        raise BadRangeError(f"mode {region.mode:#x}")
