"""Where the data of a read or write lies in user memory: one range, or the ranges of an iovec (Linux: iov_iter).

Pages are brought in before a file changes, because a fault may put the thread to sleep and start the call again. Like
Linux's copies, a transfer ends at the first byte that cannot be reached, and fails only when that is the first of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.uapi import LinuxError
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.user_memory import UserMemory

RW_MAX: Final = 0x7FFF_F000  # bytes one call moves at most: MAX_RW_COUNT


class UserBuffer:
    """Ranges of user memory, used from the front on. `size`: bytes they have together, at most RW_MAX."""

    def __init__(self, memory: UserMemory, ranges: list[tuple[int, int]]) -> None:
        self._memory = memory
        self._ranges: list[tuple[int, int]] = []
        self.size = 0
        for address, length in ranges:
            length = min(length, RW_MAX - self.size)
            if length:
                self._ranges.append((address, length))
            self.size += length

    def gather(self, limit: int) -> bytes:
        """The first bytes of the buffer, at most `limit`; fewer when user memory ends. Raises LinuxError EFAULT."""
        return b"".join(self._memory.read(*part) for part in self._reachable(limit, 0))

    def room(self, limit: int) -> int:
        """How many of the first `limit` bytes can be written; they are brought in. Raises LinuxError EFAULT."""
        return sum(length for _, length in self._reachable(limit, WRITE))

    def scatter(self, data: bytes) -> None:
        """Write `data` to the front, where there is `room` for it."""
        done = 0
        for address, length in self._ranges:
            if done == len(data):
                break
            self._memory.write(address, data[done : done + length])
            done = min(len(data), done + length)

    def skip(self, count: int) -> None:
        """The first `count` bytes are done with."""
        self.size -= count
        while count:
            address, length = self._ranges.pop(0)
            used = min(count, length)
            if used < length:
                self._ranges.insert(0, (address + used, length - used))
            count -= used

    def _reachable(self, limit: int, access: int) -> list[tuple[int, int]]:
        """Pieces, each on one page, of the longest prefix that can be accessed, at most `limit` bytes."""
        pieces: list[tuple[int, int]] = []
        for address, length in self._ranges:
            end = address + min(length, limit)
            while address < end:
                step = min(end - address, PAGE_SIZE - address % PAGE_SIZE)
                try:
                    self._memory.parts(address, step, access)
                except LinuxError:
                    if not pieces:
                        raise
                    return pieces
                pieces.append((address, step))
                address, limit = address + step, limit - step
            if not limit:
                break
        return pieces
