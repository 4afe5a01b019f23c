"""(d) Host time of user interrupts: a ping-pong between two cores, SENDUIPI to SENDUIPI."""

from __future__ import annotations

import time
from collections.abc import Callable

from pffemu import Exited
from tests.bench.result import Result
from tests.uipi import load_ping_pong

ROUNDS = 50_000  # 100,000 user interrupts
TARGET = 5.0  # seconds


def measure(say: Callable[[str], None]) -> list[Result]:
    """The median of three runs, which take seconds each. CPU time, as a machine with other work to do has it."""
    say("ping-pong of 100,000 user interrupts")
    what = "ping-pong of 100,000 user interrupts, 2 cores"
    seconds, cycles = _ping_pong("pause")
    spinning, spun_cycles = _ping_pong("")
    return [
        Result(what, seconds, "s", TARGET, note=_note(seconds, cycles)),
        Result(f"{what} that wait without PAUSE", spinning, "s", note=_note(spinning, spun_cycles)),
    ]


def _ping_pong(wait: str) -> tuple[float, int]:
    """Seconds and virtual cycles. `wait`: an instruction of the loops that wait; PAUSE in examples/uipi_ping_pong.c."""
    runs = []
    for _ in range(3):
        run = load_ping_pong(ROUNDS, wait)
        run.machine.events.sinks.clear()
        started = time.thread_time()
        stop = run.machine.run()
        runs.append((time.thread_time() - started, run.cpu.clock))
        assert stop == Exited(0), stop
        assert run.word("count") == ROUNDS
    return sorted(runs)[1]


def _note(seconds: float, cycles: int) -> str:
    return f"{seconds / (2 * ROUNDS) * 1e6:.0f} us and {cycles / (2 * ROUNDS):,.0f} virtual cycles each"
