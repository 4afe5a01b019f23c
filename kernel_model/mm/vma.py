"""Virtual memory areas: what a process has mapped, as a sorted list of disjoint ranges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi.mman import MAX_MAP_COUNT
from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, UFFDIO_REGISTER_MODE_WP, Errno, LinuxError
from pffemu.arch.paging import PAGE_SIZE, USER_END

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.uffd.context import Userfaultfd

MMAP_MIN: Final = 0x10000  # vm.mmap_min_addr
MMAP_TOP: Final = 0x7FFF_F7FF_F000  # where Linux starts below the stack without ASLR
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
    displaced: int = 0  # bytes between where its pages were first touched and where they are now (mremap)

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
            self.name, self.file, self.uffd, self.uffd_mode, self.shared, self.may_write, self.dont_fork,
            self.wipe_on_fork, self.grows_down, self.locked, self.reserved, self.displaced, self.sealed,
        )  # fmt: skip


class VmaList:
    """The areas of one address space, by address."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._vmas: list[Vma] = []
        self.size = self.peak = 0  # bytes of all areas, now and at most
        self._full_above, self._hole = MMAP_TOP, 1  # no free range of `_hole` bytes or more ends above `_full_above`

    def __len__(self) -> int:
        return len(self._vmas)

    def __iter__(self) -> Iterator[Vma]:
        return iter(self._vmas)

    def find(self, address: int) -> Vma | None:
        """The area that holds `address`."""
        i = bisect_right(self._starts, address) - 1
        return self._vmas[i] if i >= 0 and address < self._vmas[i].end else None

    def overlapping(self, start: int, end: int) -> list[Vma]:
        first = max(0, bisect_right(self._starts, start) - 1)
        last = bisect_left(self._starts, end)
        return [vma for vma in self._vmas[first:last] if start < vma.end]

    def contiguous_end(self, start: int, end: int) -> int:
        """The end of the gapless mapping from `start` on, at most `end`; `start` if it is not mapped."""
        reach = start
        while reach < end and (vma := self.find(reach)) is not None:
            reach = vma.end
        return min(reach, end)

    def above(self, address: int) -> Vma | None:
        """The lowest area that starts above `address`."""
        i = bisect_right(self._starts, address)
        return self._vmas[i] if i < len(self._vmas) else None

    def below(self, address: int) -> Vma | None:
        """The highest area that starts below `address`."""
        i = bisect_left(self._starts, address) - 1
        return self._vmas[i] if i >= 0 else None

    def insert(self, vma: Vma) -> None:
        """Add `vma`, whose range must be free."""
        i = bisect_right(self._starts, vma.start)
        self._starts.insert(i, vma.start)
        self._vmas.insert(i, vma)
        self._grow(vma.end - vma.start)

    def _grow(self, length: int) -> None:
        self.size += length
        self.peak = max(self.peak, self.size)

    def move_start(self, vma: Vma, start: int) -> None:
        """Let `vma` begin at `start`; what lies between must be free."""
        self._starts[bisect_left(self._starts, vma.start)] = start
        self._grow(vma.start - start)
        vma.start = start

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
                if len(self._vmas) >= limit:
                    raise LinuxError(Errno.ENOMEM)
                upper = replace(vma, start=edge, offset=vma.offset + edge - vma.start)
                self.size -= vma.end - edge
                vma.end = edge
                self.insert(upper)
        return self.overlapping(start, end)

    def merge(self, start: int, end: int) -> None:
        """Join neighbours in and around [start, end) that differ in nothing."""
        i = max(0, bisect_left(self._starts, start) - 1)
        while i + 1 < len(self._vmas) and self._starts[i] <= end:
            lower, upper = self._vmas[i], self._vmas[i + 1]
            if lower.continues_in(upper):
                lower.end = upper.end
                lower.anon, lower.forked = lower.anon or upper.anon, lower.forked or upper.forked
                del self._vmas[i + 1], self._starts[i + 1]
            else:
                i += 1

    def remove(self, start: int, end: int) -> list[Vma]:
        """Remove [start, end); returns the areas removed."""
        gone = self.isolate(start, end, limit=MAX_MAP_COUNT + 2)
        first = bisect_left(self._starts, start)
        del self._vmas[first : first + len(gone)], self._starts[first : first + len(gone)]
        self.size -= sum(vma.end - vma.start for vma in gone)
        if gone:  # the free range there ends below the next area
            end = _free_below(self._vmas[first]) if first < len(self._vmas) else MMAP_TOP
            self._full_above = max(self._full_above, min(end, MMAP_TOP))
        return gone

    def free_range(self, length: int) -> int | None:
        """The highest free range of `length` bytes below MMAP_TOP; None when there is none."""
        top = self._full_above if length >= self._hole else MMAP_TOP
        for i in range(bisect_left(self._starts, top) - 1, -1, -1):
            vma = self._vmas[i]
            if vma.start >= top:
                continue
            if vma.end <= top - length:
                break
            top = _free_below(vma)
        self._full_above, self._hole = top, length
        return top - length if top - length >= MMAP_MIN else None

    def lowest_free_range(self, length: int, start: int, end: int) -> int | None:
        """The lowest free range of `length` bytes in [start, end); None when there is none."""
        for vma in self._vmas:
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
