"""Short forms of the campaigns killed_writers.py and replay.py (PFFEMU_LONG=1: the long ones), and what runs them."""

from __future__ import annotations

import mmap
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import LONG, rounds
from tests.fuzz import runner, soak
from tests.fuzz.campaigns import Campaign
from tests.fuzz.killed_writers import WRITERS, kill_everywhere
from tests.fuzz.replay import PROGRAMS, VARIATIONS, left_by, possible
from tests.fuzz.runner import Limits

PLACES = rounds(6, 100)


@pytest.mark.parametrize("writer", WRITERS)
def test_killed_writers_lose_nothing(writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFFEMU_GRAPH_CACHE", str(tmp_path))
    assert kill_everywhere(writer, tmp_path, PLACES) >= PLACES // 2


@pytest.mark.timeout(7200)
def test_the_host_does_not_show(tmp_path: Path) -> None:
    numbers, variations = (possible(), VARIATIONS) if LONG else ([1], VARIATIONS[1:3])
    left, traces = [], []
    for number, variation in enumerate(variations):
        place = tmp_path / str(number)
        left.append(left_by(numbers, variation, place))
        if variation.how == "traced":
            traces.append([(place / variation.folder / str(each) / "trace").read_bytes() for each in numbers])
    assert len(PROGRAMS) >= 30
    for variation, other in zip(variations, left, strict=True):
        assert other == left[0], variation
    assert traces
    assert all(each == traces[0] for each in traces)


def test_another_program_leaves_something_else(tmp_path: Path) -> None:
    one, two = left_by([0, 6], VARIATIONS[0], tmp_path)
    assert one.split()[1] != two.split()[1]


def test_the_campaigns_runner_sees_what_goes_wrong() -> None:
    def wrong(_folder: Path, seed: int) -> int:
        if seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 2:
            raise ValueError("not clean")
        return 2

    outcome = runner.run(Campaign(wrong, "things", 0), 0, Limits(60, 8))
    assert outcome.cases == 6
    assert outcome.units == 8
    died, raised = outcome.failures
    assert died.startswith("seed 1: the process died of SIGKILL")
    assert raised.startswith("seed 2: ")
    assert "not clean" in raised


def test_the_campaigns_runner_ends_what_hangs_or_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CASE_SECONDS", 0.3)
    monkeypatch.setattr(runner, "GROWTH", 30 << 20)
    kept: list[mmap.mmap] = []  # memory of their own: the test's process may have room on its heap

    def hang(_folder: Path, seed: int) -> int:
        while seed == 0:
            pass
        return 1

    def grow(_folder: Path, _seed: int) -> int:
        kept.append(mmap.mmap(-1, 1 << 20))
        kept[-1].write(b"x" * (1 << 20))
        time.sleep(0.01)
        return 1

    assert "no end after" in runner.run(Campaign(hang, "things", 0), 0, Limits(60, 3)).failures[0]
    monkeypatch.setattr(runner, "CASE_SECONDS", 60)
    assert "the process grew by" in runner.run(Campaign(grow, "things", 0), 0, Limits(60, 300)).failures[0]


@pytest.mark.timeout(900)  # ten minutes in a long campaign
def test_memory_does_not_grow_with_faults() -> None:
    faults, forks, grown = soak.soak(600 if LONG else 3)
    assert faults > 500
    assert forks > 0
    assert not soak.grew_too_much(faults, grown), grown


def test_a_leak_is_seen() -> None:
    assert soak.grew_too_much(2_000_000, 4 << 20)
    assert not soak.grew_too_much(2_000_000, 2 << 20)
