"""A process that ends when the one that started it has ended, however that was: SIGKILL lets no parent clean up.

The parent holds the writing end of a pipe, and nothing is ever written. A child waits for the end of the reading end,
which comes when the last writer has gone, and then stops as on SIGTERM.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

_VARIABLE: Final = "PFFEMU_LIFE_LINE"  # environment of a child: the descriptor


class LifeLine(NamedTuple):
    """What a child gets: the pipe's reading end, to be passed on, and its environment."""

    fd: int
    environment: dict[str, str]


@contextmanager
def life_line() -> Iterator[LifeLine]:
    """A line for children; they end, too, when the block is left."""
    reading, writing = os.pipe()
    try:
        yield LifeLine(reading, {**os.environ, _VARIABLE: str(reading)})
    finally:
        os.close(writing)
        os.close(reading)


def hold() -> None:
    """In a child: SIGTERM comes when the parent has ended. Without a line in the environment nothing happens."""
    name = os.environ.pop(_VARIABLE, "")
    if name.isdecimal():
        threading.Thread(target=_wait, args=(int(name),), name="life line", daemon=True).start()


def _wait(fd: int) -> None:
    with suppress(OSError):  # the descriptor is not ours: then there is no parent to wait for
        os.read(fd, 1)
        os.kill(os.getpid(), signal.SIGTERM)
