"""A progress line on standard error for work longer than a second, only on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_QUIET: Final = 1.0  # seconds until it appears, at first and after output of the guest


class ProgressLine:
    """The line. `update` is cheap; `clear` comes before other output to the terminal. Any thread may call both."""

    def __init__(self, console: Callable[[], Console], title: str, total: int | None = None) -> None:
        """`console` is called when the line is due; `total`: the number of faults to come, if known."""
        self._make_console, self._title, self._total = console, title, total
        self._console: Console | None = None
        self._lock = threading.Lock()
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._wait_until = time.monotonic() + _QUIET

    def update(self, text: str, done: int = 0) -> None:
        """Show `text`, and `done` of the total."""
        with self._lock:
            if time.monotonic() < self._wait_until:
                return
            if self._console is None:
                self._console = self._make_console()
            if not self._console.is_terminal:
                return
            if self._live is None or self._task is None:
                self._live, self._task = self._start(self._console)
            completed = min(done, self._total) if self._total else None
            self._live.update(self._task, text=text, completed=completed)

    def clear(self) -> None:
        """Remove the line and show the cursor; an `update` a second later shows the line again."""
        with self._lock:
            self._wait_until = time.monotonic() + _QUIET
            live, self._live = self._live, None
            if live is not None:
                live.stop()

    def _start(self, console: Console) -> tuple[Progress, TaskID]:
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )  # not in a short run

        live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(12),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        task = live.add_task(self._title, total=self._total, text="")
        live.start()
        return live, task
