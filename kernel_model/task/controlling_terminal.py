"""What job control knows of a terminal (Linux: tty_struct's ctrl.session and ctrl.pgrp)."""

from __future__ import annotations


class ControllingTerminal:
    """A terminal. `session`: the session that it controls; `group`: the foreground process group; 0: none."""

    def __init__(self) -> None:
        self.session = self.group = 0

    @property
    def device(self) -> int:
        """tty_nr of /proc/PID/stat."""
        return 0
