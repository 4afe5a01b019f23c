"""The page cache of one file on disk: its pages come and go, and what is stored to them is written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi.uapi import LinuxError
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.readahead import Window
from kernel_model.mm.reclaim.page import CachedPage
from kernel_model.mm.side_by_side import side_by_side
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.abi.uapi import Errno
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.reclaim.rmap import Mappings
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram

_AT_ONCE: Final = 1 << 20  # bytes stored at once


class DiskPages(PageCache):
    """The pages of a file of `size` bytes that are in `memory`. Clean pages have the bytes that are on disk."""

    is_shmem: ClassVar[bool] = False

    def __init__(self, name: str, size: int, ram: Ram, memory: FileMemory) -> None:
        super().__init__(name, size, ram, memory.frames)
        self.memory, self.serial = memory, memory.next_serial()
        self.pages: dict[int, CachedPage] = {}  # by offset
        self.dirty: dict[int, CachedPage] = {}  # by offset
        self.window = Window()
        self.error: Errno | None = None  # of the latest write to the disk that failed, until a call reports it

    # -- the disk -----------------------------------------------------------------------------------------------

    def load(self, offset: int, size: int = PAGE_SIZE) -> bytes:
        """The bytes on disk from `offset` on, fewer at the end of the file. Raises LinuxError."""
        raise NotImplementedError

    def store(self, offset: int, data: bytes) -> None:
        """Put `data` on disk. Raises LinuxError."""
        raise NotImplementedError

    def store_page(self, page: CachedPage) -> None:
        """Put the page's bytes, up to the end of the file, on disk. Raises LinuxError."""
        length = min(PAGE_SIZE, self.size - page.offset)
        if length > 0:
            self.store(page.offset, bytes(self._ram.octets[page.frame : page.frame + length]))

    # -- pages --------------------------------------------------------------------------------------------------

    def bring(self, cpu: Cpu, offset: int) -> CachedPage:
        """Put the page at `offset`, which is missing, into the cache; there is room. Raises LinuxError."""
        cpu.charge("kernel.page.allocate")
        cpu.charge("kernel.page.lookup")
        return self._bring(offset)

    def bring_all(self, cpu: Cpu, offset: int, count: int) -> list[CachedPage]:
        """`bring` of `count` pages side by side at once; none when that would do more, or the disk fails."""
        if self.memory.kswapd.would_wake(count):
            return []
        size = count * PAGE_SIZE
        try:
            data = self.load(offset, size)
        except LinuxError:
            return []
        if len(data) != min(size, self.size - offset):
            return []
        cpu.charge("kernel.page.allocate", count)
        cpu.charge("kernel.page.lookup", count)
        pages = self.memory.add_all(self, offset, count)
        frames, offsets = [page.frame for page in pages], range(offset, offset + size, PAGE_SIZE)
        self.pages.update(zip(offsets, pages, strict=True))
        self._frames.update(zip(offsets, frames, strict=True))
        octets, content, done = self._ram.octets, memoryview(data.ljust(size, b"\0")), 0
        for start, length in side_by_side(frames):
            octets[start : start + length] = content[done : done + length]
            done += length
        return pages

    def _bring(self, offset: int) -> CachedPage:
        data = self.load(offset)
        page = self.memory.add(self, offset)
        self._ram.octets[page.frame : page.frame + PAGE_SIZE] = data.ljust(PAGE_SIZE, b"\0")
        self.pages[offset] = page
        self._frames[offset] = page.frame
        return page

    def frame_at(self, offset: int) -> int:
        """Physical address of the page, read in at once if it is missing: no time passes."""
        page = self.pages.get(offset) or self._bring(offset)
        self._allocator.held = page.frame
        return page.frame

    def _absent(self, offset: int) -> bytes:
        return self.load(offset).ljust(PAGE_SIZE, b"\0")

    def mapped_in(self, mm: Mm) -> None:
        mm.maps_disk = True
        super().mapped_in(mm)

    def mappings(self) -> Mappings:
        """All areas that map the file."""
        return [(mm, vma) for mm in self._mms for vma in mm.vmas if vma.file is self]

    def forget_page(self, page: CachedPage) -> None:
        """The page, which no mapping holds, leaves the cache; its frame is free."""
        del self.pages[page.offset], self._frames[page.offset]
        self.memory.remove(page)
        self._allocator.give_back(page.frame)

    def _free(self, offset: int) -> None:
        self.forget_page(self.pages[offset])

    def dirtied(self, cpu: Cpu, offset: int) -> None:
        """A store to the page at `offset` is about to be let through (page_mkwrite)."""
        page = self.pages.get(offset)
        if page is not None:
            self.memory.writeback.set_dirty(cpu, page)

    def is_data(self, page: int) -> bool:
        """Whether the page at `page` is in the cache and has been read (mincore)."""
        found = self.pages.get(page)
        return found is not None and found.reading is None

    # -- content ------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes as a program sees them: from the cache, or else from the disk. Raises LinuxError."""
        parts = []
        while size > 0:
            at = offset % PAGE_SIZE
            length = min(size, PAGE_SIZE - at)
            parts.append(self.peek(offset - at)[at : at + length])
            offset, size = offset + length, size - length
        return b"".join(parts)

    def punch(self, start: int, end: int) -> None:
        zeros = bytes(_AT_ONCE)
        for at in range(start, min(end, self.size), _AT_ONCE):
            self.store(at, zeros[: min(end, self.size) - at])
        super().punch(start, end)

    def bytes_of(self, page: CachedPage, start: int, length: int) -> bytes:
        """`length` bytes of `page` from its byte `start` on."""
        return bytes(self._ram.octets[page.frame + start : page.frame + start + length])

    def bytes_of_all(self, pages: list[CachedPage]) -> list[bytes]:
        """The bytes of `pages`, together those whose frames lie side by side."""
        runs = side_by_side([page.frame for page in pages])
        return [bytes(self._ram.octets[start : start + length]) for start, length in runs]

    def written(self, offset: int, data: bytes) -> None:
        """The file on disk was written to: update the pages that are present."""
        self.size = max(self.size, offset + len(data))
        done = 0
        while done < len(data):
            at = (offset + done) % PAGE_SIZE
            length = min(len(data) - done, PAGE_SIZE - at)
            frame = self._frames.get(offset + done - at)
            if frame is not None:
                self._ram.store(frame + at, data[done : done + length])
            done += length

    def write_back(self) -> None:
        """Put the bytes of dirty pages on disk now, for what reads it there: no time passes, the pages stay dirty.

        Raises LinuxError.
        """
        for page in self.dirty.values():
            self.store_page(page)
