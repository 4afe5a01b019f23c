"""Virtual memory areas: what a process has mapped, as a sorted list of disjoint ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi.mman import MAX_MAP_COUNT
from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, UFFDIO_REGISTER_MODE_WP, Errno, LinuxError
from kernel_model.wait.lock import RwLock
from pffemu.arch.paging import PAGE_SIZE, USER_END

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.uffd.context import Userfaultfd

MMAP_MIN: Final = 0x10000  # vm.mmap_min_addr
MMAP_TOP: Final = 0x7FFF_F7FF_F000  # where Linux starts below the stack without ASLR
_MOST: Final = 512  # areas in a block
STACK_GAP: Final = 256 * PAGE_SIZE  # kept free below an area that grows down


class Mappable(Protocol):
    """A file that can be mapped: its page cache, as the mapping needs it."""

    name: str
    number: int  # st_ino and st_dev
    device: int

    @property
    def mapped_size(self) -> int:
        """Bytes, in whole pages, that a mapping reaches without SIGBUS."""

    def cached_frame(self, offset: int) -> int:
        """Physical address of the page at byte `offset`; 0: not in the cache."""

    def frame_at(self, offset: int) -> int:
        """Physical address of the page, brought in if it is missing. Raises OutOfGuestMemory."""

    def peek(self, offset: int) -> bytes:
        """The page's bytes as `frame_at` would bring them in, without bringing it in. Raises LinuxError."""

    def punch(self, start: int, end: int) -> None:
        """Make bytes [start, end) a hole."""

    def write_back(self) -> None:
        """msync: stores of shared mappings reach what lies behind the cache."""

    def mapped_in(self, mm: Mm) -> None:
        """An area of `mm` maps it."""

    def unmapped(self) -> None:
        """An area that mapped it is gone."""


@dataclass(slots=True)
class Vma:
    """An area [start, end): PROT_* bits, `file` and `offset` (bytes) of `start` in it, userfaultfd registered on it.

    Without `file`: private anonymous memory. `shared`: stores reach the file; otherwise they are copied on write.
    """

    start: int
    end: int
    prot: int
    name: str = ""
    file: Mappable | None = None
    offset: int = 0
    uffd: Userfaultfd | None = None
    uffd_mode: int = 0
    directed: int = 0  # what its not-present entries hold, under a directive (arch.directed); 0: it has none
    shared: bool = False
    may_write: bool = True  # mprotect may grant PROT_WRITE (Linux: VM_MAYWRITE)
    dont_fork: bool = False  # MADV_DONTFORK
    wipe_on_fork: bool = False  # MADV_WIPEONFORK
    grows_down: bool = False
    locked: bool = False
    reserved: bool = True  # not MAP_NORESERVE
    anon: int = 0  # Linux's anon_vma: areas with equal ones may merge; 0: the area has had no private page yet
    forked: bool = False  # `anon` was made by fork (Linux: the anon_vma has a parent)
    sealed: bool = False  # mseal: it can be neither removed nor moved, nor its rights changed
    stays_apart: bool = False  # it never joins a neighbour: its file counts areas (Linux: vm_ops->close)
    marks_entries: bool = False  # its entries have bit 58, because the MMU's region table was full
    advice: int = 0  # MADV_RANDOM, MADV_SEQUENTIAL: readahead's RANDOM, SEQUENTIAL
    displaced: int = 0  # bytes between where its pages were first touched and where they are now (mremap)
    lock: RwLock | None = field(default=None, init=False, repr=False, compare=False)  # once a thread has taken it

    def __str__(self) -> str:
        letters = zip("rwx", (PROT_READ, PROT_WRITE, PROT_EXEC), strict=True)
        access = "".join(letter if self.prot & bit else "-" for letter, bit in letters)
        registered = " userfaultfd" if self.uffd is not None else ""
        return f"{self.start:#x}-{self.end:#x} {access} {self.name or 'anonymous'}{registered}"

    @property
    def is_write_protected(self) -> bool:
        """The protection of its pages by userfaultfd is in force (Linux: userfaultfd_wp)."""
        return self.uffd_mode & UFFDIO_REGISTER_MODE_WP != 0

    @property
    def is_anonymous(self) -> bool:
        """Private anonymous memory."""
        return self.file is None

    def continues_in(self, upper: Vma) -> bool:
        """Whether `upper` could be the rest of this area (Linux: can_vma_merge_after)."""
        joinable = (
            self.anon == upper.anon or (not self.anon and not upper.forked) or (not upper.anon and not self.forked)
        )
        return joinable and not self.stays_apart and self.prot == upper.prot and self.could_share_pages(upper)

    def could_share_pages(self, upper: Vma) -> bool:
        """Whether both differ in rights alone, so that they may share one `anon` (Linux: anon_vma_compatible)."""
        return (
            self.end == upper.start
            and (self.file is None or self.offset + self.end - self.start == upper.offset)
            and self._kind() == upper._kind()
        )

    def _kind(self) -> tuple[object, ...]:
        return (
            self.name, self.file, self.uffd, self.uffd_mode, self.directed, self.shared, self.may_write, self.dont_fork,
            self.wipe_on_fork, self.grows_down, self.locked, self.reserved, self.displaced, self.sealed,
            self.marks_entries, self.advice,
        )  # fmt: skip


class VmaList:
    """The areas of one address space, by address.

    They lie in blocks of at most _MOST, so that a change amid many areas moves few. Only a single block can be empty.
    """

    def __init__(self) -> None:
        self._firsts = [0]  # of each block: where or above which its areas start
        self._starts: list[list[int]] = [[]]
        self._blocks: list[list[Vma]] = [[]]
        self._count = 0
        self.size = self.peak = 0  # bytes of all areas, now and at most
        self._full_above, self._hole = MMAP_TOP, 1  # no free range of `_hole` bytes or more ends above `_full_above`

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Vma]:
        return chain.from_iterable(self._blocks)

    def _place(self, address: int) -> tuple[int, int]:
        """(block, index) behind the areas that start at or below `address`."""
        block = max(0, bisect_right(self._firsts, address) - 1)
        return block, bisect_right(self._starts[block], address)

    def _from(self, address: int) -> Iterator[Vma]:
        """The areas that start above `address`, upwards."""
        block, index = self._place(address)
        while block < len(self._blocks):
            areas = self._blocks[block]
            for i in range(index, len(areas)):
                yield areas[i]
            block, index = block + 1, 0

    def _down_from(self, address: int) -> Iterator[Vma]:
        """The areas that start below `address`, downwards."""
        block, index = self._place(address - 1)
        while block >= 0:
            areas = self._blocks[block]
            for i in range((len(areas) if index < 0 else index) - 1, -1, -1):
                yield areas[i]
            block, index = block - 1, -1

    def find(self, address: int) -> Vma | None:
        """The area that holds `address`."""
        block, index = self._place(address)
        if index:
            vma = self._blocks[block][index - 1]
        elif block:
            vma = self._blocks[block - 1][-1]
        else:
            return None
        return vma if address < vma.end else None

    def overlapping(self, start: int, end: int) -> list[Vma]:
        first = self.find(start)
        found = [first] if first is not None and first.start < end else []
        for vma in self._from(start):
            if vma.start >= end:
                break
            found.append(vma)
        return found

    def contiguous_end(self, start: int, end: int) -> int:
        """The end of the gapless mapping from `start` on, at most `end`; `start` if it is not mapped."""
        reach = start
        while reach < end and (vma := self.find(reach)) is not None:
            reach = vma.end
        return min(reach, end)

    def above(self, address: int) -> Vma | None:
        """The lowest area that starts above `address`."""
        return next(self._from(address), None)

    def below(self, address: int) -> Vma | None:
        """The highest area that starts below `address`."""
        return next(self._down_from(address), None)

    def insert(self, vma: Vma) -> None:
        """Add `vma`, whose range must be free."""
        block, index = self._place(vma.start)
        starts, areas = self._starts[block], self._blocks[block]
        starts.insert(index, vma.start)
        areas.insert(index, vma)
        if len(areas) > _MOST:
            half = _MOST // 2
            self._firsts.insert(block + 1, starts[half])
            self._starts[block : block + 1] = [starts[:half], starts[half:]]
            self._blocks[block : block + 1] = [areas[:half], areas[half:]]
        self._count += 1
        self._grow(vma.end - vma.start)

    def _grow(self, length: int) -> None:
        self.size += length
        self.peak = max(self.peak, self.size)

    def _delete(self, vma: Vma) -> None:
        block, index = self._place(vma.start)
        del self._starts[block][index - 1], self._blocks[block][index - 1]
        self._count -= 1
        if not self._blocks[block] and len(self._blocks) > 1:
            del self._firsts[block], self._starts[block], self._blocks[block]

    def move_start(self, vma: Vma, start: int) -> None:
        """Let `vma` begin at `start`; what lies between must be free."""
        block, index = self._place(vma.start)
        self._grow(vma.start - start)
        self._starts[block][index - 1] = vma.start = start
        self._firsts[block] = min(self._firsts[block], start)

    def move_end(self, vma: Vma, end: int) -> None:
        """Let `vma` end at `end`; what lies between must be free."""
        self._grow(end - vma.end)
        vma.end = end

    def isolate(self, start: int, end: int, *, limit: int = MAX_MAP_COUNT) -> list[Vma]:
        """Split areas at both edges, and return those inside [start, end).

        Raises LinuxError ENOMEM for a split when there are `limit` areas.
        """
        for edge in (start, end):
            vma = self.find(edge)
            if vma is not None and vma.start < edge:
                if self._count >= limit:
                    raise LinuxError(Errno.ENOMEM)
                upper = replace(vma, start=edge, offset=vma.offset + edge - vma.start)
                self.size -= vma.end - edge
                vma.end = edge
                self.insert(upper)
        return self.overlapping(start, end)

    def merge(self, start: int, end: int) -> None:
        """Join neighbours in and around [start, end) that differ in nothing."""
        lower = self.below(start) or self.above(start - 1)
        while lower is not None and lower.start <= end:
            upper = self.above(lower.start)
            if upper is None:
                break
            if lower.continues_in(upper):
                self._delete(upper)
                lower.end = upper.end
                lower.anon, lower.forked = lower.anon or upper.anon, lower.forked or upper.forked
            else:
                lower = upper

    def remove(self, start: int, end: int) -> list[Vma]:
        """Remove [start, end); returns the areas removed."""
        gone = self.isolate(start, end, limit=MAX_MAP_COUNT + 2)
        for vma in gone:
            self._delete(vma)
        self.size -= sum(vma.end - vma.start for vma in gone)
        if gone:  # the free range there ends below the next area
            upper = self.above(start)
            end = _free_below(upper) if upper is not None else MMAP_TOP
            self._full_above = max(self._full_above, min(end, MMAP_TOP))
        return gone

    def free_range(self, length: int) -> int | None:
        """The highest free range of `length` bytes below MMAP_TOP; None when there is none."""
        top = self._full_above if length >= self._hole else MMAP_TOP
        for vma in self._down_from(top):
            if vma.start >= top:
                continue
            if vma.end <= top - length:
                break
            top = _free_below(vma)
        self._full_above, self._hole = top, length
        return top - length if top - length >= MMAP_MIN else None

    def lowest_free_range(self, length: int, start: int, end: int) -> int | None:
        """The lowest free range of `length` bytes in [start, end); None when there is none."""
        for vma in self:
            if vma.end <= start:
                continue
            if start + length <= vma.start - (STACK_GAP if vma.grows_down else 0):
                break
            start = vma.end
        return start if start + length <= end else None


def _free_below(vma: Vma) -> int:
    """Where a free range below the area ends: below its gap, if it grows down."""
    return vma.start - (STACK_GAP if vma.grows_down else 0)


def is_user_range(start: int, length: int) -> bool:
    """Whether the range is page-aligned, not empty, and in user space."""
    return start % PAGE_SIZE == 0 and length % PAGE_SIZE == 0 and 0 < length <= USER_END and start <= USER_END - length
