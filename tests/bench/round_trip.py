"""(b) Host CPU time of one fault, from the refused walk to the resumed instruction: what one more page costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from guest.build import guest
from guest.workloads import FaultWorkload
from pffemu import Exited, Machine, Mode
from pffemu.events.trace import TraceHash
from tests.bench.result import Result

FEW, MANY = 2_000, 12_000  # pages
PFF_TARGET = 60.0  # us


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Medians of marginal times, in us a fault."""
    results = []
    for mode in (Mode.PFF, Mode.UFFD):
        for copy in (False, True):
            for hashed in (False, True):
                name = f"{mode.value} round trip, {'copy' if copy else 'zero page'}{', trace hash' if hashed else ''}"
                times = []
                for number in range(repetitions):
                    say(f"{name}, {number + 1} of {repetitions}")
                    times.append(_marginal(mode, copy, hashed))
                target = PFF_TARGET if mode is Mode.PFF and not copy and not hashed else None
                results.append(Result(name, median(times), "us", target))
    return results


def _marginal(mode: Mode, copy: bool, hashed: bool) -> float:
    few, many = (_seconds(FaultWorkload(pages, copy=copy), mode, hashed) for pages in (FEW, MANY))
    return (many - few) / (MANY - FEW) * 1e6


def _seconds(workload: FaultWorkload, mode: Mode, hashed: bool) -> float:
    machine = Machine(mode=mode, ram=workload.ram)
    if hashed:
        machine.events.sinks.append(TraceHash())
    result = bytearray()
    machine.open_output(4, "result", _Result(result))
    machine.load(guest(workload.guest), workload.arguments)
    started = time.thread_time()
    stop = machine.run()
    seconds = time.thread_time() - started
    assert stop == Exited(0), stop
    assert result == workload.expected(userfaultfd=True)
    return seconds


class _Result:
    def __init__(self, target: bytearray) -> None:
        self._target = target

    def write(self, data: bytes, /) -> None:
        self._target += data
