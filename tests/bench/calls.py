"""What a system call, a signal, a switch of threads and a user interrupt cost: processor time of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from pffemu import Mode
from tests.bench import programs, raw_unicorn
from tests.bench.programs import NoFigure
from tests.bench.result import Result


@dataclass(frozen=True, slots=True)
class Kind:
    """An argument of guests/calls.c. `starts`: of the engine, at least, in one of its rounds."""

    argument: str
    name: str
    target: float  # us
    starts: int
    times: int = 10_000


KINDS: Final = (
    Kind("getpid", "getpid", 3, 1),
    Kind("clock_gettime", "clock_gettime, without a vDSO", 3, 1),
    Kind("futex-wake", "futex wake of no thread", 3, 1),
    Kind("write-byte", "write of 1 byte", 3, 1),
    Kind("signal", "signal to handler and back", 20, 2, 5_000),
    Kind("futex-rounds", "futex ping-pong, a round", 40, 4, 3_000),
    Kind("pipe-rounds", "pipe ping-pong, a round", 50, 4, 3_000),
)


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Medians of microseconds."""
    start = raw_unicorn.restart_time() * 1e6
    results = []
    for kind in KINDS:
        say(kind.name)
        figure, note = None, f"limit: {kind.starts} start{'s' * (kind.starts > 1)} of Unicorn"
        try:
            times = [programs.timed("calls.c", kind.argument, kind.times, mode=Mode.KERNEL) for _ in range(repetitions)]
            figure = median(times) / kind.times * 1e6
        except NoFigure as why:
            note = str(why)
        results.append(Result(kind.name, figure, "us", kind.target, kind.starts * start, note))
    return results
