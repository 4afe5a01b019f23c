"""The end of a command by a signal."""

from __future__ import annotations

import signal


class Stopped(BaseException):
    """A signal ended the work. `abandoned`: the worker still runs, so the process must end without waiting for it."""

    def __init__(self, signum: int, abandoned: bool) -> None:
        self.signum, self.abandoned = signum, abandoned
        super().__init__(signum, abandoned)

    @property
    def exit_code(self) -> int:
        return 128 + self.signum

    def __str__(self) -> str:
        return "interrupted" if self.signum == signal.SIGINT else "terminated"
