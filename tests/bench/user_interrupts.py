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
    """Once; it takes seconds. CPU time, as a machine with other work to do has it."""
    say("ping-pong of 100,000 user interrupts")
    run = load_ping_pong(ROUNDS)
    run.machine.events.sinks.clear()
    started = time.thread_time()
    stop = run.machine.run()
    seconds = time.thread_time() - started
    assert stop == Exited(0), stop
    assert run.word("count") == ROUNDS
    cycles = run.cpu.clock / (2 * ROUNDS)
    note = f"{seconds / (2 * ROUNDS) * 1e6:.0f} us and {cycles:,.0f} virtual cycles each"
    return [Result("ping-pong of 100,000 user interrupts, 2 cores", seconds, "s", TARGET, note=note)]
