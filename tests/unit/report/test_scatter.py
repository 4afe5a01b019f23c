"""Latencies that vary: the spreads' quantiles come out again, and nothing else changes."""

from __future__ import annotations

import pytest

from guest.workloads import FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli.measure import Setup, measure
from pffemu.report.latency import Latency
from pffemu.report.scatter import scattered
from pffemu.timing import load_profile
from pffemu.timing.load import parse_profile

FAULT = 2131  # cycles of the kernel's fault in the default profile
PROFILE = """
name = "varies"
machine = "an exception that varies"
base = "sapphire-rapids"
[[spread]]
costs = ["cpu.exception"]
quantiles = { p10 = 0.5, p50 = 1, p90 = 3, p99 = 6 }
source = "a test"
"""


def latencies(text: str, seed: int = 0) -> Latency:
    profile = parse_profile(text, "test")
    measured = measure(FaultWorkload(1000), Mode.KERNEL, Setup.of(profile, clocks=True))
    assert measured.clocks is not None
    found = scattered(measured.clocks, "kernel", profile, seed)
    assert found is not None
    return found


def test_quantiles_of_a_cost_are_those_of_the_latency() -> None:
    exception = float(load_profile().cycles_of("cpu.exception"))
    rest = FAULT - exception
    varied = latencies(PROFILE)
    assert varied.faults == 1000
    for percent, factor in ((10, 0.5), (50, 1.0), (90, 3.0)):
        assert varied.percentiles[percent] == pytest.approx(rest + factor * exception, rel=0.06)
    assert varied.p99 > 2 * varied.median
    assert latencies(PROFILE) == varied != latencies(PROFILE, seed=1)


def test_a_profile_without_spreads_has_one_latency() -> None:
    constant = latencies('name = "c"\nmachine = "m"\nbase = "sapphire-rapids"\nspread = []\n')
    assert constant.minimum == constant.median == constant.p99 == FAULT
