"""Runs work in a worker thread, while the main thread shows progress and receives signals.

A call of Unicorn takes long, and Python's signal handlers run only after it. So the main thread does nothing but wait:
on SIGINT or SIGTERM it asks the worker to stop, repeatedly (a request between two slices is lost), and abandons a
worker that cannot be asked (numpy building a graph) at once. Signals after the first are ignored.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Generic, TypeVar

from pffemu.cli.stopped import Stopped
from pffemu.cli.terminal import say
from pffemu.engine import jit
from pffemu.events.bus import EventBus
from pffemu.events.hw import WalkRefused
from pffemu.events.kernel import Warned
from pffemu.machine.machine import Machine
from pffemu.machine.stop import Stop
from pffemu.report.progress import ProgressLine

T = TypeVar("T")

_SLOW: Final = 5.0  # seconds of a run after which a hint is worth a line
_TICK: Final = 0.05  # seconds
_PATIENCE: Final = 1.0  # seconds a worker gets to stop
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class _Worker(threading.Thread, Generic[T]):
    def __init__(self, task: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._task = task
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.results: list[T] = []

    def run(self) -> None:
        try:
            self.results.append(self._task())
        except BaseException as error:  # re-raised by the main thread
            self.error = error
        finally:
            self.ended.set()


def call(
    task: Callable[[], T], *, show: Callable[[], None] = lambda: None, stop: Callable[[], None] | None = None
) -> T:
    """The result of `task()`, run in a worker thread; what it raises is raised here.

    `show` is called now and then; `stop` asks the task to end, from this thread. Raises Stopped after a signal.
    """
    received: list[int] = []
    worker = _Worker(task)
    with _listening(received):
        worker.start()
        while not worker.ended.wait(_TICK) and not received:
            show()
        if received:
            abandoned = not _stop(worker, stop)
            raise Stopped(received[0], abandoned)
    if worker.error is not None:
        raise worker.error
    return worker.results[0]


def run(
    machine: Machine,
    progress: ProgressLine,
    budget: int | None = None,
    by: Callable[[Callable[[int | None], Stop]], Stop] | None = None,
) -> Stop:
    """`machine.run(budget)` in the foreground. Raises Stopped, and what the machine raises.

    `by`: a task that calls the function that it is given, `machine.run`, as often as it likes.
    """

    def show() -> None:
        faults = machine.events.counts[WalkRefused]
        seconds = max(cpu.clock for cpu in machine.cpus) / machine.options.cpu.profile.frequency
        instructions = machine.instructions / 1e6
        progress.update(f"{instructions:,.0f} M instructions, {faults:,} faults, {seconds:.2f} virtual s", faults)

    started = time.monotonic()
    try:
        task = (lambda: machine.run(budget)) if by is None else lambda: by(machine.run)
        return call(task, show=show, stop=machine.interrupt)
    finally:
        progress.clear()
        if time.monotonic() - started > _SLOW and not jit.available() and sys.stderr.isatty():
            say("hint: without numba, guest code runs up to ten times slower: pip install 'pffemu[fast]'")


def prepare(task: Callable[[], T], progress: ProgressLine, what: str) -> T:
    """The result of work that cannot be interrupted, only abandoned: reading, building, checking. Raises Stopped."""
    try:
        return call(task, show=lambda: progress.update(what))
    finally:
        progress.clear()


def show_warnings(events: EventBus) -> None:
    """From now on warnings go to standard error as they happen."""
    events.listeners[Warned] = lambda event: say(f"warning: {event.what}")


def _stop(worker: _Worker[T], stop: Callable[[], None] | None) -> bool:
    """Ask until the worker has ended; False when it has not."""
    if stop is None:
        return worker.ended.is_set()
    for _ in range(round(_PATIENCE / _TICK)):
        stop()
        if worker.ended.wait(_TICK):
            return True
    return False


@contextmanager
def _listening(received: list[int]) -> Iterator[None]:
    """Note the first signal in `received`. Outside the main thread, Python cannot receive signals: none is noted."""

    def note(signum: int, _frame: FrameType | None) -> None:
        received.append(signum)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        if not received:
            for number, handler in before.items():
                signal.signal(number, handler)
