"""/proc/PID/pagemap (fs/proc/task_mmu.c): one word a page, and PAGEMAP_SCAN, which finds and protects pages by kind."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi import pagemap as pm
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import PmScanArg
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import OFFSET_MAX, SEEK_CUR, SEEK_SET
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_tables import GUARD, HELD, OWNED, UFFD_WP, unmarked
from pffemu.arch.paging import PAGE_SHIFT, PAGE_SIZE, PTE_ADDRESS, PTE_UFFD, USER_END, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma

_WORD = 8  # bytes of one entry
_AT_ONCE = 1 << 18  # entries
_WALK_END_AT = 32  # offset in struct pm_scan_arg


class PagemapFile(File):
    """An open pagemap. `mm`: the process's address space when the file was opened."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    can_splice = False
    place: Place

    def __init__(self, mm: Mm, flags: int, place: Place) -> None:
        self.name, self.flags, self.mm, self.place = place.path.decode(), flags, mm, place
        self.position = 0

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self.position)
        self.position += done
        return done

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        if buffer.size % _WORD or offset % _WORD:
            raise LinuxError(Errno.EINVAL)
        if self.mm.is_gone:
            return 0
        first = offset // _WORD
        count = max(0, min(buffer.size // _WORD, _AT_ONCE, USER_END // PAGE_SIZE - first))
        room = buffer.room(_WORD * count) // _WORD
        if count and not room:
            return faulted(0)
        words = [_entry(self.mm, page * PAGE_SIZE) for page in range(first, first + room)]
        buffer.scatter(struct.pack(f"<{room}Q", *words))
        return _WORD * room

    def seek(self, offset: int, whence: int) -> int:
        if whence not in (SEEK_SET, SEEK_CUR):
            raise LinuxError(Errno.EINVAL)
        self.position = (offset + (self.position if whence == SEEK_CUR else 0)) & OFFSET_MAX
        return self.position

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != pm.PAGEMAP_SCAN:
            raise LinuxError(Errno.EINVAL)
        return _scan_call(self.mm, call, argument)

    def status(self) -> FileStatus:
        assert self.place.node is not None
        return self.place.node.status()


def _entry(mm: Mm, page: int) -> int:
    vma = mm.vmas.find(page)
    entry = unmarked(mm.pages.entry(page)) & ~PTE_UFFD
    if vma is None or not entry:
        return 0
    word = pm.PM_UFFD_WP if entry & UFFD_WP else 0
    if not entry & HELD:
        return word | pm.PM_SWAP | (pm.PM_GUARD_REGION if entry & GUARD else 0)
    frame = entry & PTE_ADDRESS
    word |= pm.PM_PRESENT | frame >> PAGE_SHIFT
    if entry & OWNED:
        return word | (0 if mm.frames.is_shared(frame) else pm.PM_MMAP_EXCLUSIVE)
    if vma.file is None:
        return word
    offset = vma.offset + page - vma.start
    alone = isinstance(vma.file, PageCache) and vma.file.mappings_of(offset) == 1
    return word | pm.PM_FILE | (pm.PM_MMAP_EXCLUSIVE if alone else 0)


# -- PAGEMAP_SCAN -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scan:
    """One PAGEMAP_SCAN: its arguments, and the regions found."""

    given: PmScanArg
    regions: list[tuple[int, int, int]] = field(default_factory=list)
    pages: int = 0
    stopped_at: int | None = None

    def wants(self, categories: int) -> bool:
        given = self.given
        categories ^= given.category_inverted
        if categories & given.category_mask != given.category_mask:
            return False
        return not given.category_anyof_mask or bool(categories & given.category_anyof_mask)

    def wants_area(self, categories: int) -> bool:
        required = self.given.category_mask & pm.PAGE_IS_WPALLOWED
        return bool((categories ^ self.given.category_inverted) & required == required)

    def add(self, categories: int, start: int, end: int) -> int:
        """Add a range; returns its end, which is lower if the output or the number of pages is full."""
        limit = self.given.max_pages or OFFSET_MAX
        kept = min(end, start + max(0, limit - self.pages) * PAGE_SIZE)
        if not self._push(categories & self.given.return_mask, start, kept):
            kept = start
        self.pages += (kept - start) // PAGE_SIZE
        if kept < end:
            self.stopped_at = kept
        return kept

    def _push(self, categories: int, start: int, end: int) -> bool:
        if not self.given.vec or start == end:
            return True
        if self.regions and self.regions[-1][1:] == (start, categories):
            self.regions[-1] = (self.regions[-1][0], end, categories)
            return True
        if len(self.regions) >= self.given.vec_len:
            return False
        self.regions.append((start, end, categories))
        return True


def _scan_call(mm: Mm, call: Caller, argument: int) -> int:
    """The number of regions written. Errors: EINVAL, EFAULT, EPERM (not asynchronously protected)."""
    given = call.memory.read_struct(PmScanArg, argument)
    _check(given)
    given.end = pages_up(given.end)
    scan = _Scan(given)
    error = _walk(scan, mm)
    words = [word for region in scan.regions for word in region]
    try:
        if words:
            call.memory.write(given.vec, struct.pack(f"<{len(words)}Q", *words))
    except LinuxError as fault:
        error = fault.errno
    walk_end = given.end if scan.stopped_at is None else scan.stopped_at
    call.memory.write(argument + _WALK_END_AT, struct.pack("<Q", walk_end))
    if error is not None:
        raise LinuxError(error)
    return len(scan.regions)


def _check(given: PmScanArg) -> None:
    masks = given.category_inverted | given.category_mask | given.category_anyof_mask | given.return_mask
    if (
        given.size != 96
        or given.flags & ~(pm.PM_SCAN_WP_MATCHING | pm.PM_SCAN_CHECK_WPASYNC)
        or masks & ~pm.PAGE_CATEGORIES
        or given.start % PAGE_SIZE
    ):
        raise LinuxError(Errno.EINVAL)
    if given.end > USER_END or given.start > given.end:
        raise LinuxError(Errno.EFAULT)
    if given.vec_len and not given.vec:
        raise LinuxError(Errno.EINVAL)
    if given.vec and (given.vec > USER_END or given.vec_len * 24 > USER_END - given.vec):
        raise LinuxError(Errno.EFAULT)


def _walk(scan: _Scan, mm: Mm) -> Errno | None:
    """Scan every area of the range; returns the error that ended the walk, or None."""
    given = scan.given
    for vma in mm.vmas.overlapping(given.start, given.end):
        allowed = vma.uffd is not None and vma.uffd_mode & uffd_abi.MODE_WP and vma.uffd.resolves_write_protection
        if not allowed:
            if given.flags & pm.PM_SCAN_CHECK_WPASYNC:
                return Errno.EPERM
            if given.flags & pm.PM_SCAN_WP_MATCHING:
                continue
        kind = pm.PAGE_IS_WPALLOWED if allowed else 0
        if not scan.wants_area(kind):
            continue
        for start, end, entry in _runs(mm, max(vma.start, given.start), min(vma.end, given.end)):
            categories = kind | _categories(mm, vma, entry)
            if not scan.wants(categories):
                continue
            kept = scan.add(categories, start, end)
            if given.flags & pm.PM_SCAN_WP_MATCHING and kept > start:
                mm.protect_from_stores(vma, start, kept, markers=True)
            if scan.stopped_at is not None:
                return None
    return None


def _runs(mm: Mm, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """[start, end) cut into single pages that have an entry, and runs of pages without one (entry 0)."""
    for page, entry in list(mm.pages.used(start, end)):
        if not unmarked(entry):
            continue
        if start < page:
            yield start, page, 0
        yield page, page + PAGE_SIZE, entry
        start = page + PAGE_SIZE
    if start < end:
        yield start, end, 0


def _categories(mm: Mm, vma: Vma, entry: int) -> int:
    categories = 0 if entry & UFFD_WP else pm.PAGE_IS_WRITTEN
    if entry & HELD:
        categories |= pm.PAGE_IS_PRESENT
        if not entry & OWNED and vma.file is not None:
            categories |= pm.PAGE_IS_FILE
        if entry & PTE_ADDRESS == mm.zero_frame:
            categories |= pm.PAGE_IS_PFNZERO
    elif entry:
        categories |= pm.PAGE_IS_SWAPPED | (pm.PAGE_IS_GUARD if entry & GUARD else 0)
    return categories
