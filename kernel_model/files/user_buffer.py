"""The user memory of a read or write: one range, or the ranges of an iovec (Linux: iov_iter).

Pages are brought in before a file changes, because a fault may put the thread to sleep and start the call again. Like
Linux's copies, a transfer ends at the first byte that cannot be reached; whether that is EFAULT, the file decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.mm.user_memory import UserMemory

RW_MAX: Final = 0x7FFF_F000  # most bytes that one call moves: MAX_RW_COUNT


def check_range(address: int, size: int) -> None:
    """Linux: access_ok. Raises LinuxError EFAULT."""
    if address > USER_END or size > USER_END - address:
        raise LinuxError(Errno.EFAULT)


class UserBuffer:
    """Ranges of user memory, used from the front on. `size`: their bytes together, at most RW_MAX."""

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
        """The first bytes of the buffer, at most `limit`; fewer, or none, where user memory ends."""
        return self.taken(self._reach(limit, 0))

    def taken(self, size: int) -> bytes:
        """The first `size` bytes, which are known to be in user memory."""
        if self._ranges and size:
            address, length = self._ranges[0]
            if size <= length and size <= PAGE_SIZE - address % PAGE_SIZE:
                return self._memory.read(address, size)
        return b"".join(self._memory.read(*part) for part in self._pages(size))

    def room(self, limit: int) -> int:
        """The number of the first `limit` bytes that can be written, all brought in."""
        return self._reach(limit, WRITE)

    def bring_in(self) -> int:
        """The number of bytes that can be read, all brought in: for files that change in pieces."""
        return self._reach(self.size, 0)

    @property
    def on_one_page(self) -> int:
        """Bytes at the front that lie on one page and in one range."""
        if not self._ranges:
            return 0
        address, length = self._ranges[0]
        return min(length, PAGE_SIZE - address % PAGE_SIZE)

    def scatter(self, data: bytes) -> None:
        """Write `data` to the front of the buffer; `room` has checked it."""
        done = 0
        for address, length in self._ranges:
            if done == len(data):
                break
            self._memory.write(address, data[done : done + length])
            done = min(len(data), done + length)

    def skip(self, count: int) -> None:
        """Drop the first `count` bytes of the buffer: they are done."""
        self.size -= count
        while count:
            address, length = self._ranges.pop(0)
            used = min(count, length)
            if used < length:
                self._ranges.insert(0, (address + used, length - used))
            count -= used

    def limit(self, size: int) -> None:
        """Drop what lies behind the first `size` bytes."""
        self.size = min(self.size, size)
        for at, (address, length) in enumerate(self._ranges):
            self._ranges[at] = (address, min(length, size))
            size -= self._ranges[at][1]
        self._ranges = [piece for piece in self._ranges if piece[1]]

    def _reach(self, limit: int, access: int) -> int:
        """The length of the longest prefix that can be accessed, at most `limit`, all brought in."""
        done = 0
        for address, length in self._ranges:
            wanted = min(length, limit - done)
            reached = self._memory.reach(address, wanted, access) if wanted else 0
            done += reached
            if reached < length:
                break
        return done

    def _pages(self, limit: int) -> Iterator[tuple[int, int]]:
        """The pieces of the first `limit` bytes, each on one page."""
        for address, length in self._ranges:
            end = address + min(length, limit)
            limit -= end - address
            while address < end:
                step = min(end - address, PAGE_SIZE - address % PAGE_SIZE)
                yield address, step
                address += step
