"""Times as linear forms: they give the times of the run, and those of runs under other prices."""

from __future__ import annotations

import numpy as np
import pytest

from guest.handlers import Handler
from guest.workloads import FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli.measure import Measured, Setup, measure
from pffemu.report.cost_clocks import prices, unpack
from pffemu.timing import Profile, load_profile
from pffemu.timing.uncertainty import draw, drawn

BASE = load_profile()


def run(workload: FaultWorkload, mode: Mode, profile: Profile, cpus: int = 2) -> Measured:
    return measure(workload, mode, Setup.of(profile, cpus=cpus, clocks=profile is BASE))


def mean(measured: Measured, priced: np.ndarray) -> float:  # type: ignore[type-arg]
    assert measured.clocks is not None
    rows, faults = unpack(measured.clocks.latencies[measured.summary.main_path])
    assert faults.sum() == 40
    return float(faults @ (rows @ priced)) / float(faults.sum())


@pytest.mark.parametrize(
    ("mode", "handler", "cpus", "off"),
    [
        (Mode.KERNEL, Handler.READ, 2, 1e-4),
        (Mode.PFF, Handler.READ, 2, 1e-4),
        (Mode.UFFD, Handler.SIGBUS, 2, 1e-4),
        (Mode.UFFD, Handler.READ, 1, 2e-3),
        (Mode.UFFD, Handler.READ, 2, 2e-3),
        (Mode.UFFD, Handler.POLL, 2, 2e-3),
        (Mode.UFFD, Handler.BUSY, 2, 2e-2),  # the spinning thread's phase is not a sum of costs
    ],
)
def test_they_price_what_another_profile_takes(mode: Mode, handler: Handler, cpus: int, off: float) -> None:
    workload = FaultWorkload(40, handler=handler)
    measured = run(workload, mode, BASE, cpus)
    assert measured.clocks is not None
    assert mean(measured, prices(BASE)) == pytest.approx(measured.summary.cycles_per_fault, abs=0.1)
    assert measured.clocks.part @ prices(BASE) == pytest.approx(measured.summary.cycles, abs=3)
    for number in (0, 1):
        factors = draw(BASE, number, 0)
        other = run(workload, mode, drawn(BASE, factors), cpus).summary
        priced = prices(BASE, factors)
        assert mean(measured, priced) == pytest.approx(other.cycles_per_fault, rel=off, abs=1)
        assert measured.clocks.part @ priced == pytest.approx(other.cycles, rel=off)
        assert abs(other.cycles / measured.summary.cycles - 1) > 5 * off or off > 1e-2  # the draw is another machine


def test_a_run_is_the_same_with_them() -> None:
    workload = FaultWorkload(24)
    plain = measure(workload, Mode.UFFD, Setup.of(BASE)).summary
    assert measure(workload, Mode.UFFD, Setup.of(BASE, clocks=True)).summary.trace_hash == plain.trace_hash
