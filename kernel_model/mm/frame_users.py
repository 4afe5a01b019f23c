"""How many users each frame has besides its first one: a byte a frame, so that runs of frames are counted at once."""

from __future__ import annotations

from typing import Final

from pffemu.arch.paging import PAGE_SIZE

FRAMES: Final = 512  # of a chunk
_SPAN: Final = FRAMES * PAGE_SIZE
_MANY: Final = 255  # in place of this number and larger ones, which stand elsewhere
_MORE: Final = bytes(min(count + 1, _MANY) for count in range(256))  # tables of bytes.translate
_FEWER: Final = bytes(max(count - 1, 0) for count in range(256))


class FrameUsers:
    """The counts. A chunk exists while one of its frames has more than one user."""

    def __init__(self) -> None:
        self.chunks: dict[int, bytearray] = {}  # by address // _SPAN
        self._many: dict[int, int] = {}  # by frame: counts from _MANY on

    def check(self) -> None:
        """Raises ValueError when a chunk has no byte for a frame, or a large count is missing."""
        for number, chunk in self.chunks.items():
            many = [at for at, count in enumerate(bytes(chunk)) if count == _MANY]
            if len(chunk) != FRAMES or not all(self._many.get(number * _SPAN + at * PAGE_SIZE, 0) for at in many):
                raise ValueError(f"users of the frames from {number * _SPAN:#x} on")

    def of(self, frame: int) -> int:
        """Users of `frame` besides the first."""
        chunk = self.chunks.get(frame // _SPAN)
        if chunk is None:
            return 0
        count = chunk[frame // PAGE_SIZE % FRAMES]
        return count if count < _MANY else self._many[frame]

    def add(self, start: int, size: int) -> None:
        """Each frame of the `size` bytes from `start` on has one more."""
        while size:
            length = min(size, _SPAN - start % _SPAN)
            chunk = self.chunks.get(start // _SPAN)
            if chunk is None:
                chunk = self.chunks[start // _SPAN] = bytearray(FRAMES)
            first = start // PAGE_SIZE % FRAMES
            behind = first + length // PAGE_SIZE
            counts = chunk[first:behind]
            if max(counts) >= _MANY - 1:
                for frame in range(start, start + length, PAGE_SIZE):
                    self._set(frame, self.of(frame) + 1)
            else:
                chunk[first:behind] = counts.translate(_MORE)
            start += length
            size -= length

    def drop(self, start: int, size: int) -> list[int]:
        """Each frame of the `size` bytes from `start` on has one less; those, in order, that have none left at all."""
        free: list[int] = []
        while size:
            length = min(size, _SPAN - start % _SPAN)
            frames = range(start, start + length, PAGE_SIZE)
            chunk = self.chunks.get(start // _SPAN)
            first = start // PAGE_SIZE % FRAMES
            counts = chunk[first : first + len(frames)] if chunk is not None else bytearray()
            if chunk is None or counts.count(0) == len(frames):
                free.extend(frames)
            elif 0 in counts or _MANY in counts:
                for frame in frames:
                    if self.drop_one(frame):
                        free.append(frame)
            else:
                chunk[first : first + len(frames)] = counts.translate(_FEWER)
                self._forget_unshared(start // _SPAN, chunk)
            start += length
            size -= length
        return free

    def drop_one(self, frame: int) -> bool:
        """A user is done with `frame`; whether it was the last."""
        chunk = self.chunks.get(frame // _SPAN)
        count = self.of(frame)
        if chunk is None or not count:
            return True
        self._set(frame, count - 1)
        if count == 1:
            self._forget_unshared(frame // _SPAN, chunk)
        return False

    def _set(self, frame: int, count: int) -> None:
        self.chunks[frame // _SPAN][frame // PAGE_SIZE % FRAMES] = min(count, _MANY)
        if count >= _MANY:
            self._many[frame] = count
        elif count == _MANY - 1:
            self._many.pop(frame, None)

    def _forget_unshared(self, number: int, chunk: bytearray) -> None:
        if chunk.count(0) == FRAMES:
            del self.chunks[number]
