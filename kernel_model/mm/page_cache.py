"""The pages of one file in RAM (Linux: struct address_space, here of shmem): holes read as zero and cost nothing.

Open files and mappings share it. A page leaves it, and every mapping, when the file is truncated or punched there; all
pages are freed when the file is neither open nor mapped any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.mm.page_tables import HELD
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, page_of, pages_up

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from pffemu.hw.ram import Ram

_END: Final = 1 << 63  # beyond every page: fallocate may have made some behind the end of the file


class PageCache:
    """The cache of one file of `size` bytes. Without an open file (`open_files`) it ends with its last mapping."""

    is_shmem: ClassVar[bool] = True
    explicit: ClassVar[bool] = False  # an access brings no page in: a missing one is a segmentation fault

    def __init__(self, name: str, size: int, ram: Ram, frames: FrameAllocator) -> None:
        self.name, self.size = name, size
        self.number, self.device = 0, 1  # st_ino and st_dev of the file
        self.open_files = 0
        self._ram, self._allocator = ram, frames
        self._frames: dict[int, int] = {}  # offset of a page -> frame
        self._reserved: set[int] = set()  # pages that fallocate made and that are still unused: holes to lseek
        self._mms: list[Mm] = []  # address spaces that may map it

    # -- mappings -----------------------------------------------------------------------------------------------

    @property
    def mapped_size(self) -> int:
        """Bytes, in whole pages, that a mapping reaches without SIGBUS."""
        return pages_up(self.size)

    @property
    def cached_bytes(self) -> int:
        """Bytes of RAM that the pages in the cache take."""
        return PAGE_SIZE * len(self._frames)

    @property
    def free_frames(self) -> int:
        """How many more pages RAM has room for."""
        return self._allocator.free_frames

    @property
    def has_shared_mapping(self) -> bool:
        """Whether a mapping exists that can store to the file, now or after mprotect."""
        return any(vma.file is self and vma.shared and vma.may_write for mm in self._mms for vma in mm.vmas)

    @property
    def is_mapped(self) -> bool:
        """Whether an address space may map it."""
        return bool(self._mms)

    def mappings_of(self, offset: int) -> int:
        """How many page-table entries hold the page at `offset`."""
        frame, count = self._frames.get(offset), 0
        for mm in self._mms:
            for vma in mm.vmas:
                if vma.file is self and vma.offset <= offset < vma.offset + vma.end - vma.start:
                    entry = mm.pages.entry(vma.start + offset - vma.offset)
                    count += bool(entry & HELD) and entry & PTE_ADDRESS == frame
        return count

    def cached_frame(self, offset: int) -> int:
        """Physical address of the page at `offset`; 0: a hole."""
        return self._frames.get(offset, 0)

    def frame_at(self, offset: int) -> int:
        """Physical address of the page at `offset`; a hole is filled. Raises OutOfGuestMemory."""
        self._reserved.discard(offset)
        frame = self._frames.get(offset)
        if frame is None:
            frame = self._frames[offset] = self._allocator.take()
        return frame

    def reserve(self, offset: int) -> None:
        """fallocate: the page at `offset` exists from now on. Raises OutOfGuestMemory."""
        if offset not in self._frames:
            self.frame_at(offset)
            self._reserved.add(offset)

    def data_from(self, offset: int) -> int:
        """SEEK_DATA: the first byte from `offset` on that is not in a hole; the end of the file when there is none."""
        if self.is_data(page_of(offset)):
            return offset
        pages = (page for page in self._frames if page > offset and page not in self._reserved)
        return min(pages, default=self.size)

    def hole_from(self, offset: int) -> int:
        """SEEK_HOLE: the first byte from `offset` on that is in a hole; the end of the file is one."""
        while offset < self.size and self.is_data(page_of(offset)):
            offset = page_of(offset) + PAGE_SIZE
        return min(offset, self.size)

    def is_data(self, page: int) -> bool:
        """Whether the page at `page` has been used: what fallocate made is not resident until then."""
        return page in self._frames and page not in self._reserved

    def peek(self, offset: int) -> bytes:
        """What `frame_at` would show; a hole stays one. Raises LinuxError when the host cannot read it."""
        frame = self._frames.get(offset)
        return self._absent(offset) if frame is None else bytes(self._ram.octets[frame : frame + PAGE_SIZE])

    def _absent(self, _offset: int) -> bytes:
        """What a page that is not in the cache would hold."""
        return bytes(PAGE_SIZE)

    def add(self, offset: int, frame: int) -> None:
        """Put `frame` into the hole at `offset`; it belongs to the cache from now on."""
        self._frames[offset] = frame

    def write_back(self) -> None:
        """msync: shmem has no storage behind it."""

    def mapped_in(self, mm: Mm) -> None:
        """An area of `mm` maps it."""
        if mm not in self._mms:
            self._mms.append(mm)

    def unmapped(self) -> None:
        """An area or an open file is gone: with the last of them the pages are freed."""
        self._mms = [mm for mm in self._mms if any(vma.file is self for vma in mm.vmas)]
        if not self._mms and not self.open_files:
            self._drop(0, _END, cows=True)

    # -- content ------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes; a hole reads as zeros."""
        parts = []
        while size > 0:
            length = min(size, PAGE_SIZE - offset % PAGE_SIZE)
            frame = self._frames.get(page_of(offset))
            start = 0 if frame is None else frame + offset % PAGE_SIZE
            parts.append(bytes(length) if frame is None else bytes(self._ram.octets[start : start + length]))
            offset, size = offset + length, size - length
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """Store `data` at `offset`; the file grows when it reaches beyond the end. Raises OutOfGuestMemory."""
        done = 0
        while done < len(data):
            at = offset + done
            length = min(len(data) - done, PAGE_SIZE - at % PAGE_SIZE)
            start = self.frame_at(page_of(at)) + at % PAGE_SIZE
            self._ram.store(start, data[done : done + length])
            done += length
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        """Cut or extend the file; private copies of pages behind the end are dropped, too."""
        if size < self.size:
            self._zero(size, pages_up(size))
            self._drop(pages_up(size), _END, cows=True)
        self.size = size

    def punch(self, start: int, end: int) -> None:
        """Make [start, end) a hole; private copies stay."""
        first, last = pages_up(start), page_of(end)
        if first > last:
            self._zero(start, end)
            return
        self._zero(start, first)
        self._zero(last, end)
        self._drop(first, last, cows=False)

    def _zero(self, start: int, end: int) -> None:
        frame = self._frames.get(page_of(start))
        if frame is not None and start < end:
            at = frame + start % PAGE_SIZE
            self._ram.store(at, bytes(end - start))

    def _drop(self, start: int, end: int, *, cows: bool) -> None:
        self.unmap_pages(start, end, cows=cows)
        for offset in sorted(offset for offset in self._frames if start <= offset < end):
            self._free(offset)
            self._reserved.discard(offset)

    def unmap_pages(self, start: int, end: int, *, cows: bool) -> None:
        """Take the pages of [start, end) out of every mapping; `cows`: private copies, too."""
        for mm in self._mms:
            for vma in mm.vmas:
                if vma.file is self:
                    low = max(vma.start, vma.start + start - vma.offset)
                    high = min(vma.end, vma.start + end - vma.offset)
                    if low < high:
                        if vma.directed and mm.directed is not None:
                            mm.directed.unlist(vma, low, high)
                        mm.zap(vma, low, high, cows=cows)

    def _free(self, offset: int) -> None:
        """Free the page at `offset`, which no mapping holds."""
        self._allocator.give_back(self._frames.pop(offset))


def is_shmem(vma: Vma) -> bool:
    """Whether the area maps a file in RAM alone, or memory that processes share."""
    return isinstance(vma.file, PageCache) and vma.file.is_shmem
