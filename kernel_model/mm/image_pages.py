"""The part of a program's file that one segment maps, privately (fs/binfmt_elf.c: elf_map)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kernel_model.mm.page_cache import PageCache
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from pffemu.hw.ram import Ram


class ImagePages(PageCache):
    """The pages of a segment. `data` lies at byte `start` of the file. Pages are made on first use."""

    is_shmem: ClassVar[bool] = False

    def __init__(self, name: str, start: int, data: bytes, ram: Ram, frames: FrameAllocator) -> None:
        super().__init__(name, start + len(data), ram, frames)
        self._start, self._data = start, data

    def frame_at(self, offset: int) -> int:
        """Physical address of the page at byte `offset`, made on first use. Raises OutOfGuestMemory."""
        if not self.cached_frame(offset):
            frame = super().frame_at(offset)
            low, high = max(offset, self._start), min(offset + PAGE_SIZE, self.size)
            if low < high:
                octets = self._data[low - self._start : high - self._start]
                self._ram.octets[frame + low - offset : frame + high - offset] = octets
        return self.cached_frame(offset)
