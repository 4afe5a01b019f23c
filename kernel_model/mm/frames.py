"""Physical frames: a bump pointer over RAM that has never been touched, a list of returned frames, and sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel_model.mm.frame_users import FrameUsers
from kernel_model.mm.side_by_side import side_by_side
from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import OutOfGuestMemory
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm

_FIRST = PAGE_SIZE  # frame 0 stays unused, so that no valid frame is address 0


class Reclaimer(Protocol):
    """What can free frames (kernel_model.mm.reclaim)."""

    def make_free(self) -> bool:
        """Free some; whether there is a free frame now."""


class Gate(Protocol):
    """What keeps hardware from filling pages of an address space (kernel_model.uffd.directed_memory)."""

    def open_gate(self) -> None:
        """The operation that closed it is over."""


class FrameAllocator:
    """Hands out zeroed 4 KiB frames by physical address, lowest first. Each has one user, until `share`."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram
        self._next = _FIRST
        self._free: list[int] = []
        self._more_users = FrameUsers()
        self.reclaimer: Reclaimer | None = None
        self.held = 0  # the frame that the fault in progress uses: it is not reclaimed
        self.gates: list[Gate] = []  # those that the kernel entry in progress has closed
        self.pins: list[tuple[Mm, int, int]] = []  # ranges that the call in progress uses: none of their pages is

    @property
    def free_frames(self) -> int:
        """Frames left (those that device holes will skip are still counted)."""
        return len(self._free) + (self._ram.size - self._next) // PAGE_SIZE

    @property
    def has_returned(self) -> bool:
        """Whether a frame that was given back can be handed out."""
        return bool(self._free)

    @property
    def total(self) -> int:
        """Frames of RAM."""
        return self._ram.size // PAGE_SIZE

    @property
    def high_water(self) -> int:
        """The physical address from which on no frame has ever been handed out."""
        return self._next

    def take(self) -> int:
        """A zeroed frame. Raises OutOfGuestMemory."""
        if self._free:
            frame = self._pop_free()
            self._ram.octets[frame : frame + PAGE_SIZE] = bytes(PAGE_SIZE)
        else:
            frame = self.take_run(1)
        if self._ram.touched is not None:
            self._ram.touched.append(frame)
        return frame

    def take_uncleared_all(self, count: int) -> list[int]:
        """`count` frames in the order of `take`, which may hold old bytes: what takes them writes all of them first.

        The caller has looked that there are so many.
        """
        frames = [self._pop_free() for _ in range(min(count, len(self._free)))]
        fresh = count - len(frames)
        start, skipped = self._find_run(fresh)
        if skipped:
            frames += [self.take_uncleared() for _ in range(fresh)]
        else:
            self._next = start + fresh * PAGE_SIZE
            frames.extend(range(start, self._next, PAGE_SIZE))
        if self._ram.touched is not None:
            self._ram.touched.extend(frames)
        return frames

    def take_uncleared(self) -> int:
        """A frame that may hold old bytes: what takes it writes all of it first. Raises OutOfGuestMemory."""
        return self._pop_free() if self._free else self.take_run(1)

    def take_copy(self, source: int) -> int:
        """A frame with the bytes of frame `source`. Raises OutOfGuestMemory."""
        frame = self._pop_free() if self._free else self.take_run(1)
        octets = self._ram.octets
        octets[frame : frame + PAGE_SIZE] = octets[source : source + PAGE_SIZE]
        if self._ram.touched is not None:
            self._ram.touched += (source | 1, frame)
        return frame

    def _pop_free(self) -> int:
        frame = self._free.pop()
        if self._ram.frames[frame // PAGE_SIZE]:
            self._ram.forget_code(frame // PAGE_SIZE)
        return frame

    def has_run(self, count: int) -> bool:
        """Whether `take_run` would succeed."""
        fresh = self._find_run(count)[0] + count * PAGE_SIZE <= self._ram.size
        return fresh or self._returned_run(count) is not None

    def take_run(self, count: int) -> int:
        """`count` physically contiguous frames; the first one's address. Raises OutOfGuestMemory."""
        start, skipped = self._find_run(count)
        if start + count * PAGE_SIZE > self._ram.size:
            returned = self._returned_run(count)
            if returned is not None:
                return self._take_returned(returned, count)
            if count == 1 and self.reclaimer is not None and self.reclaimer.make_free():
                return self.take()
            raise OutOfGuestMemory(
                f"guest RAM is full: {count} frames wanted, {self.free_frames} of {self._ram.size // PAGE_SIZE} left",
                remedy="give the machine more, as in --ram 4G",
            )
        for low, high in skipped:
            self._free.extend(range(low, high, PAGE_SIZE))
        self._next = start + count * PAGE_SIZE
        return start

    def _returned_run(self, count: int) -> int | None:
        """Where `count` returned frames lie in a row."""
        frames = sorted(self._free)
        span = (count - 1) * PAGE_SIZE
        rows = (first for first, last in zip(frames, frames[count - 1 :], strict=False) if last - first == span)
        return next(rows, None)

    def _take_returned(self, start: int, count: int) -> int:
        end = start + count * PAGE_SIZE
        self._free = [frame for frame in self._free if not start <= frame < end]
        for frame in range(start // PAGE_SIZE, end // PAGE_SIZE):
            self._ram.forget_code(frame)
        self._ram.octets[start:end] = bytes(end - start)
        if self._ram.touched is not None:
            self._ram.touched.extend(range(start, end, PAGE_SIZE))
        return start

    def _find_run(self, count: int) -> tuple[int, list[tuple[int, int]]]:
        """Where `count` frames in a row begin, and the ranges in front of devices that are skipped for it."""
        start, skipped = self._next, []
        for hole, size in self._ram.holes:
            if start < hole + size and hole < start + count * PAGE_SIZE:
                skipped.append((start, hole))
                start = hole + size
        return start, skipped

    def share(self, frame: int) -> None:
        """Add a user of `frame`: each user gives it back once."""
        self._more_users.add(frame, PAGE_SIZE)

    def share_all(self, frames: list[int] | range) -> None:
        """Add a user of each frame."""
        for start, size in side_by_side(frames):
            self._more_users.add(start, size)

    def give_back_all(self, frames: list[int] | range) -> None:
        """A user of each frame is done with it."""
        if not self._more_users.chunks:
            self._free += frames
            return
        for start, size in side_by_side(frames):
            self._free += self._more_users.drop(start, size)

    def is_shared(self, frame: int) -> bool:
        return self._more_users.of(frame) > 0

    def users(self, frame: int) -> int:
        """How many users `frame`, which is taken, has."""
        return 1 + self._more_users.of(frame)

    def check_users(self) -> None:
        """Raises ValueError when the counts of users, which come from a file, are none."""
        self._more_users.check()

    def give_back(self, frame: int) -> None:
        """A user is done with `frame`; after the last one it can be handed out again."""
        if not self._more_users.chunks or self._more_users.drop_one(frame):
            self._free.append(frame)
