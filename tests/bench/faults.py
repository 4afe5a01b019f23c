"""What a page fault costs, from the refused access to the next one: processor time of one more page."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from guest.build import guest
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import Exited, Machine, Mode, to_json
from tests.bench import programs, raw_unicorn
from tests.bench.programs import NoFigure, Nowhere
from tests.bench.result import Result

_FEW, _MANY = 1_000, 6_000  # pages
_HOST_PAGES: Final = 20_000
_MINOR_PAGES: Final = 20_000
_PFF, _PFF_TRACED, _UFFD = 1.1, 2.0, 4.0  # times a real userfaultfd fault
_MINOR: Final = 4.0  # us
_STARTS_OF_PFF, _STARTS_OF_UFFD, _STARTS_OF_MINOR = 3, 4, 1


def measure(repetitions: int, say: Callable[[str], None]) -> list[Result]:
    """Ratios to a real fault, of paired runs, and the minor fault."""
    start = raw_unicorn.restart_time()
    return [
        *_against_host(repetitions, say, start),
        _minor(repetitions, say, start),
    ]


def _against_host(repetitions: int, say: Callable[[str], None], start: float) -> list[Result]:
    cases = (
        ("PFF round trip, ZEROPAGE", Mode.PFF, False, _PFF, _STARTS_OF_PFF),
        ("PFF round trip, ZEROPAGE, trace written", Mode.PFF, True, _PFF_TRACED, _STARTS_OF_PFF),
        ("userfaultfd fault, two threads, ZEROPAGE", Mode.UFFD, False, _UFFD, _STARTS_OF_UFFD),
    )
    results = []
    for name, mode, traced, target, starts in cases:
        times, ratios, host = [], [], 0.0
        why = ""
        for number in range(repetitions):
            say(f"{name}, {number + 1} of {repetitions}")
            times.append(_marginal(mode, traced))
            try:
                host = _host_fault()
            except NoFigure as error:
                why = f"; a real fault cannot be measured: {error}"
                continue
            ratios.append(times[-1] / host)
        real = why or f", a real one {host * 1e6:.1f} us"
        note = f"{median(times) * 1e6:.1f} us{real}; limit: {starts} starts of Unicorn"
        figure = median(ratios) if ratios else None
        results.append(Result(name, figure, "x real", target, starts * start / host if host else None, note))
    return results


def _host_fault() -> float:
    """Processor seconds of a userfaultfd fault on the host, both threads on one core. Raises NoFigure."""
    return int(programs.on_host(programs.build("host_fault.c"), _HOST_PAGES)) / 1e9


def _minor(repetitions: int, say: Callable[[str], None], start: float) -> Result:
    what = "kernel minor fault, write to new memory"
    say(what)
    try:
        times = [
            programs.timed("calls.c", "minor-fault", _MINOR_PAGES, mode=Mode.KERNEL, cpus=1) for _ in range(repetitions)
        ]
    except NoFigure as why:
        return Result(what, None, "us", _MINOR, note=str(why))
    limit = _STARTS_OF_MINOR * start * 1e6
    return Result(what, median(times) / _MINOR_PAGES * 1e6, "us", _MINOR, limit, "limit: a start of Unicorn")


def _marginal(mode: Mode, traced: bool) -> float:
    """Seconds of one more page."""
    few, many = (_seconds(FaultWorkload(pages, copy=False), mode, traced) for pages in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def _seconds(workload: FaultWorkload, mode: Mode, traced: bool) -> float:
    machine = Machine(mode=mode, ram=workload.ram, stdout=Nowhere(), stderr=Nowhere())
    with open("/dev/null", "w") as trace:

        def write(event: Any) -> None:
            trace.write(f"{to_json(event)}\n")

        if traced:
            machine.events.sinks.append(write)
        machine.open_output(RESULT_FD, "result", Nowhere())
        machine.load(guest(workload.guest), workload.arguments)
        started = time.thread_time()
        stop = machine.run()
        seconds = time.thread_time() - started
    assert stop == Exited(0), stop
    return seconds
