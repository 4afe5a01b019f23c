"""What was typed and is not read yet: whole lines, and behind them the line that is still typed (n_tty's read_buf)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from kernel_model.abi import terminal as abi
from kernel_model.files.terminals.modes import Modes

SIZE: Final = 4096  # N_TTY_BUF_SIZE, bytes


@dataclass(slots=True, eq=False)
class InputBuffer:
    """`data`: bytes from the next one to be read on. `ends`: where in it the last bytes of whole lines lie.

    The first `whole` bytes are whole lines. An end of file is a byte 0 that ends a line and is not read. `pushed`: the
    last line was made whole by a change to canonical mode, so that a 0 at its end is data.
    """

    data: bytearray = field(default_factory=bytearray)
    ends: deque[int] = field(default_factory=deque)
    whole: int = 0
    pushed: bool = False

    def end_line(self) -> None:
        """The last byte ends a line."""
        self.ends.append(len(self.data) - 1)
        self.whole = len(self.data)

    def flush(self) -> None:
        self.data.clear()
        self.ends.clear()
        self.whole, self.pushed = 0, False

    def room(self, modes: Modes) -> int:
        """How many more bytes fit; of a line that grows too long, each byte takes the place of the last one."""
        room = SIZE - 1 - len(self.data)
        if modes.input & abi.PARMRK:
            room = (SIZE - len(self.data) + 2) // 3 - 1
        return 1 if room <= 0 and modes.local & abi.ICANON and not self.whole else max(0, room)

    def make_room(self) -> None:
        """Drop the last byte of a line that is as long as can be."""
        if len(self.data) >= SIZE:
            del self.data[-1]

    def change(self, modes: Modes) -> None:
        """ICANON or EXTPROC has changed: what is there becomes one line, or bytes."""
        self.ends.clear()
        self.pushed = bool(modes.local & abi.ICANON and self.data)
        self.whole = 0
        if self.pushed:
            self.end_line()

    def available(self, modes: Modes, least: int = 1) -> bool:
        return self.whole > 0 if modes.by_lines else len(self.data) >= least

    def waiting(self, modes: Modes) -> int:
        """FIONREAD: bytes to read, without ends of file."""
        if not modes.by_lines:
            return len(self.data)
        return self.whole - sum(self.data[at] == abi.DISABLED for at in self.ends)

    def next(self, modes: Modes, size: int) -> tuple[int, int]:
        """What a read of `size` bytes gets: how many bytes, and how many are to be dropped then."""
        if not modes.by_lines:
            count = min(size, len(self.data))
            return count, count
        if not self.ends:
            count = min(size, self.whole)
            return count, count
        end = self.ends[0]
        is_end_of_file = self.data[end] == abi.DISABLED and not self.pushed
        if end < size or (end == size and is_end_of_file):
            return end + (not is_end_of_file), end + 1
        return size, size

    def drop(self, count: int) -> None:
        del self.data[:count]
        self.whole = max(0, self.whole - count)
        self.ends = deque(end - count for end in self.ends if end >= count)
        if not self.ends:
            self.pushed = False
