"""Host memory that costs nothing until it is touched."""

from __future__ import annotations

import mmap


def mapped(size: int) -> mmap.mmap:
    """A private host mapping of zero bytes. Raises OSError, ValueError, OverflowError."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    return mmap.mmap(-1, size, flags=flags)
