"""Guest physical memory: one anonymous host mapping that costs nothing until touched.

Physical address = offset in the buffer. Device pages lie inside the same address space; the pieces of RAM around them
are what the engine maps, so a page behind a device is never reached (and never handed out by the kernel model).
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable

from pffemu.arch.paging import MAXPHYADDR, PAGE_SIZE
from pffemu.engine.host_memory import mapped
from pffemu.errors import UsageError
from pffemu.hw.fill import CODE

SMALLEST = 1 << 20
LARGEST = 1 << (MAXPHYADDR - 2)  # the engine's own page lies behind it


class Ram:
    """`size` bytes of RAM: `.octets` (unsigned bytes) and `.words` (signed 64-bit) view the same memory;
    slices of `.mapping` are bytes, copied sooner than out of a view.

    `.frames`: a word for each frame that the cores' fill hooks use (hw.fill); not part of the guest's state.
    """

    def __init__(self, size: int, holes: tuple[tuple[int, int], ...] = ()) -> None:
        """`holes`: (address, bytes) of device pages. Raises UsageError for a size that host or machine cannot have."""
        if size % PAGE_SIZE or not SMALLEST <= size <= LARGEST:
            raise UsageError(
                f"{size} bytes of RAM are not possible", remedy="give whole pages, from 1M to 16T, as in --ram 16G"
            )
        try:
            self.mapping = mapped(size)
            self._frames = mapped(size // PAGE_SIZE * 8)
        except (OSError, ValueError, OverflowError) as error:
            raise UsageError(
                f"the host cannot map {size} bytes of RAM: {error}", remedy="use a smaller --ram"
            ) from error
        self.size = size
        self.touched: list[int] | None = None  # with a memory hierarchy: frames the kernel fills, or reads (| 1)
        self.holes = tuple(sorted(hole for hole in holes if hole[0] < size))
        self.translators: list[Callable[[int], None]] = []  # called with the number of a frame whose code changes
        self.octets = memoryview(self.mapping)
        self.words = self.octets.cast("q")
        self._anchor = ctypes.c_char.from_buffer(self.mapping)
        self.host_address = ctypes.addressof(self._anchor)
        self.frames = memoryview(self._frames).cast("q")
        self._frames_anchor = ctypes.c_char.from_buffer(self._frames)
        self.frames_address = ctypes.addressof(self._frames_anchor)

    def store(self, start: int, data: bytes | memoryview) -> None:
        """Store `data` from physical address `start` on, as kernel and devices do; code there is translated anew."""
        end = start + len(data)
        self.octets[start:end] = data
        for frame in range(start // PAGE_SIZE, (end - 1) // PAGE_SIZE + 1):
            if self.frames[frame] & CODE:
                self.forget_code(frame)

    def forget_code(self, frame: int) -> None:
        """Have all cores forget what they have translated of a frame, by its number, and flush their TLBs."""
        if self.frames[frame] & CODE:
            for forget in self.translators:
                forget(frame)  # while code can still be fetched: engines translate its addresses
        self.frames[frame] = 0

    def forget_frames(self) -> None:
        """Clear `.frames` after RAM's content was replaced: no core has translated or searched any of it."""
        if sys.platform == "linux":
            self._frames.madvise(mmap.MADV_DONTNEED)  # zero again, and without memory
        else:
            ctypes.memset(self.frames_address, 0, self.frames.nbytes)

    def pieces(self) -> list[tuple[int, int, int]]:
        """(physical address, bytes, host address) of RAM between the holes."""
        result, start = [], 0
        for hole, length in (*self.holes, (self.size, 0)):
            if hole > start:
                result.append((start, hole - start, self.host_address + start))
            start = hole + length
        return result
