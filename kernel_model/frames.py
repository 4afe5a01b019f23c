"""Physical frames: a bump pointer over RAM that has never been touched, and a list of returned frames."""

from __future__ import annotations

from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import OutOfGuestMemory
from pffemu.hw.ram import Ram

_FIRST = PAGE_SIZE  # frame 0 stays unused, so that no valid frame is address 0


class FrameAllocator:
    """Hands out zeroed 4 KiB frames by physical address, lowest first."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram
        self._next = _FIRST
        self._free: list[int] = []

    @property
    def free_frames(self) -> int:
        """Frames left (pages behind devices not counted out)."""
        return len(self._free) + (self._ram.size - self._next) // PAGE_SIZE

    def take(self) -> int:
        """Raises OutOfGuestMemory."""
        if self._free:
            frame = self._free.pop()
            self._ram.octets[frame : frame + PAGE_SIZE] = bytes(PAGE_SIZE)
            return frame
        return self.take_run(1)

    def take_run(self, count: int) -> int:
        """`count` physically contiguous frames; the first one's address. Raises OutOfGuestMemory."""
        start = self._next
        for hole, size in self._ram.holes:
            if start < hole + size and hole < start + count * PAGE_SIZE:
                self._free.extend(range(start, hole, PAGE_SIZE))
                start = hole + size
        if start + count * PAGE_SIZE > self._ram.size:
            raise OutOfGuestMemory(
                f"guest RAM is full: {count} frames wanted, {self.free_frames} of {self._ram.size // PAGE_SIZE} left",
                remedy="give the machine more, as in --ram 4G",
            )
        self._next = start + count * PAGE_SIZE
        return start

    def give_back(self, frame: int) -> None:
        self._free.append(frame)
