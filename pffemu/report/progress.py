"""A progress line on standard error for whatever takes longer than a second, and only on a terminal."""

from __future__ import annotations

import threading
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_QUIET: Final = 1.0  # seconds before it appears, and after the guest's last output before it appears again


class ProgressLine:
    """Call `update` as often as you like; `clear` before anybody else writes to the terminal. Any thread may call."""

    def __init__(self, console: Console, title: str, total: int | None = None) -> None:
        """`total`: faults to come, when that is known."""
        self._console, self._title, self._total = console, title, total
        self._lock = threading.Lock()
        self._live: Progress | None = None
        self._task = TaskID(0)
        self._wait_until = time.monotonic() + _QUIET

    def update(self, text: str, done: int = 0) -> None:
        """Show `text`, and `done` of the total."""
        with self._lock:
            if not self._console.is_terminal or time.monotonic() < self._wait_until:
                return
            if self._live is None:
                self._live = self._start()
            completed = min(done, self._total) if self._total else None
            self._live.update(self._task, text=text, completed=completed)

    def clear(self) -> None:
        """Take the line away and show the cursor; it comes back with an `update` a second later."""
        with self._lock:
            self._wait_until = time.monotonic() + _QUIET
            live, self._live = self._live, None
            if live is not None:
                live.stop()

    def _start(self) -> Progress:
        live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(12),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = live.add_task(self._title, total=self._total, text="")
        live.start()
        return live
