"""Runs the machine in a thread of its own, so that it can be held in the middle of what it does, and looked at.

Only one of the two threads ever runs: whoever drives waits until the machine's has come back or is held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Abandoned(BaseException):
    """Raised where the machine's thread is held: nobody will let it go on."""


class Worker:
    """`held` while a job waits inside `hold`. A job's exception is raised in whoever waits for it."""

    def __init__(self) -> None:
        self._wake, self._back = threading.Event(), threading.Event()
        self._job: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._abandon = False
        self.held = False
        self._thread: threading.Thread | None = None

    def start(self, job: Callable[[], Any]) -> None:
        """Let `job` run; a held one goes on first, until it comes back."""
        self._job, self._error = job, None
        self.held = False
        self._back.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            self._wake.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the job has come back, or is held."""
        return self._back.wait(timeout)

    def result(self) -> Any:
        """Of the job that has come back; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def hold(self) -> None:
        """Called by the job: stay here until the next one is to start. Raises Abandoned."""
        self.held = True
        self._back.set()
        self._wake.wait()
        self._wake.clear()
        if self._abandon:
            raise Abandoned

    def abandon(self) -> None:
        """Make the held job unwind; the machine is unusable until its state is put back."""
        if self.held:
            self._abandon, self.held, self._job = True, False, None
            self._back.clear()
            self._wake.set()
            self._back.wait()
            self._abandon, self._error = False, None

    def end(self) -> None:
        """No more jobs."""
        self.abandon()
        self._job = None
        if self._thread is not None:
            self._wake.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while self._job is not None:
            job, self._job = self._job, None
            try:
                self._result = job()
            except BaseException as error:  # handed to whoever waits
                self._error = error
            if self._job is not None:
                self._error = None  # nobody waits for this one any more
                continue
            self._back.set()
            self._wake.wait()
            self._wake.clear()
