"""Sources of bytes inside the kernel that files write in place of user memory: a file, or a pipe (fs/splice.c).

What a target has taken counts as moved at once: in the source's position, or out of the pipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_model.files.kernel_buffer import KernelBuffer

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.pipe import Pipe


class _Source(KernelBuffer):
    """Bytes for a target; targets that take all at once skip nothing."""

    skipped = 0

    def skip(self, count: int) -> None:
        self.size -= count
        self.skipped += count
        self._leave(count)

    def finish(self, done: int) -> int:
        """The target has taken `done` bytes in all. Returns `done`."""
        self.skip(done - self.skipped)
        return done

    def _leave(self, count: int) -> None:
        """The next `count` bytes are moved."""


class FileSource(_Source):
    """`size` bytes of `file` from `offset` on. `moved` is told each new position."""

    def __init__(self, call: Caller, file: File, offset: int, size: int, moved: Callable[[int], None]) -> None:
        super().__init__(size)
        self._call, self._file, self._offset, self._moved = call, file, offset, moved

    def gather(self, limit: int) -> bytes:
        return read_at(self._call, self._file, self._offset, min(limit, self.size))

    def _leave(self, count: int) -> None:
        self._offset += count
        if count:
            self._moved(self._offset)


class PipeSource(_Source):
    """Up to `size` of the bytes in `pipe`; a call that starts again has taken `progress` of them."""

    def __init__(self, call: Caller, pipe: Pipe, size: int) -> None:
        self._call, self._pipe, self._taken = call, pipe, call.pending.progress
        super().__init__(self._taken + min(size - self._taken, pipe.size))

    def gather(self, limit: int) -> bytes:
        found = bytearray()
        for data in self._pipe.buffers:
            if len(found) >= min(limit, self.size):
                break
            found += data
        return bytes(found[: min(limit, self.size)])

    def _leave(self, count: int) -> None:
        again = min(count, self._taken)
        self._taken -= again
        count -= again
        while count:
            chars = min(count, len(self._pipe.buffers[0]))
            self._pipe.consume(self._call.cpu, chars)
            count -= chars


def read_at(call: Caller, file: File, offset: int, size: int) -> bytes:
    buffer = KernelBuffer(size)
    if size:
        file.read_at(call, buffer, offset)
    return bytes(buffer.data)


@contextmanager
def with_flags(file: File, flags: int, *, without: int = 0) -> Iterator[None]:
    """Within one call `file` has `flags` as well (O_NONBLOCK, O_APPEND), and not `without`."""
    before = file.flags
    file.flags = file.flags & ~without | flags
    try:
        yield
    finally:
        file.flags = before
