"""Processor time of user interrupts: a ping-pong between two cores, SENDUIPI to SENDUIPI."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

from pffemu import Exited
from tests.bench import raw_unicorn
from tests.bench.result import Result
from tests.uipi import load_ping_pong

_ROUNDS: Final = 10_000  # two user interrupts each
_TARGET: Final = 10.0  # us
_STARTS: Final = 2  # of Unicorn: SENDUIPI, UIRET


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Medians, for loops that wait with PAUSE, as in examples/uipi_ping_pong.c, and without."""
    say("user interrupts")
    limit = _STARTS * raw_unicorn.restart_time() * 1e6
    rows = (
        ("user interrupt, 2 cores", "pause", _TARGET),
        ("user interrupt, 2 cores that wait without PAUSE", "", None),
    )
    results = []
    for what, wait, target in rows:
        figure = median(_ping_pong(wait) for _ in range(repetitions)) / (2 * _ROUNDS) * 1e6
        results.append(Result(what, figure, "us", target, limit, f"limit: {_STARTS} starts of Unicorn"))
    return results


def _ping_pong(wait: str) -> float:
    run = load_ping_pong(_ROUNDS, wait)
    run.machine.events.sinks.clear()
    started = time.thread_time()
    stop = run.machine.run()
    seconds = time.thread_time() - started
    assert stop == Exited(0), stop
    assert run.word("count") == _ROUNDS
    return seconds
