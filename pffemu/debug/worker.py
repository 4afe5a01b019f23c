"""Runs the machine in a thread of its own, so that it can be held in the middle of a step and looked at.

Only one of the two threads ever runs: the session's waits until the machine's has returned or is held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Abandoned(BaseException):
    """Raised in the held job to unwind it: the session has abandoned it."""


class Worker:
    """The machine's thread. `held`: a job waits inside `hold`. A job's exception is raised by `result`."""

    def __init__(self) -> None:
        self._wake, self._back = threading.Event(), threading.Event()
        self._job: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._abandon = False
        self.held = False
        self._thread: threading.Thread | None = None

    def start(self, job: Callable[[], Any]) -> None:
        """Run `job`; a held job is continued to its end first."""
        self._job, self._error = job, None
        self.held = False
        self._back.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            self._wake.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait; whether the job has returned, or is held."""
        return self._back.wait(timeout)

    def result(self) -> Any:
        """The result of the job that has returned; raises what the job raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def hold(self) -> None:
        """Called by the job: wait here until the next one starts. Raises Abandoned."""
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
        """End the thread."""
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
            except BaseException as error:  # raised again by `result`
                self._error = error
            if self._job is not None:
                self._error = None  # no thread waits for this job any more
                continue
            self._back.set()
            self._wake.wait()
            self._wake.clear()
