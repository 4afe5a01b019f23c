"""Host streams that can be rewound: input that was read is kept, output that was written is not repeated.

A run that goes back and forward again (`pffemu.debug`) reads the same bytes and writes none twice. `position` is the
only state: pieces read, or bytes written.
"""

from __future__ import annotations

from kernel_model.files import ByteSink, ByteSource


class InputLog:
    """Input, kept in the pieces in which `source` gave it."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._pieces: list[bytes] = []
        self._first = 0  # position of the first piece
        self.position = 0

    def read(self, size: int, /) -> bytes:
        if self.position == self._first + len(self._pieces):
            self._pieces.append(self._source.read(size))
        self.position += 1
        return self._pieces[self.position - 1 - self._first]

    def go_to(self, position: int) -> None:
        """Rewind. Input before `position` that another machine read is not needed: `source` begins behind it."""
        if not self._first <= position <= self._first + len(self._pieces):
            self._pieces, self._first = [], position
        self.position = position


class OutputLog:
    """Output. After a rewind, bytes up to the furthest position were written before and are dropped."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._written = 0
        self.position = 0

    def write(self, data: bytes, /) -> None:
        fresh = data[max(0, self._written - self.position) :]
        self.position += len(data)
        if fresh:
            self._written = self.position
            self._sink.write(fresh)

    def go_to(self, position: int) -> None:
        self._written = max(self._written, position)
        self.position = position
