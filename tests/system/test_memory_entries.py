"""No guess about caches moves a conclusion under --memory caches: each entry in a run of its own, and by draws."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from pffemu.report.uncertainty import MATTERS
from pffemu.timing import DEFAULT_PROFILE
from tests.bench.memory_entries import WORKLOADS, changed_profile, moved, moves, results
from tests.campaign import LONG
from tests.system.cli_runs import pffemu

SHORT = ("bfs-small", "threads")  # the others with PFFEMU_LONG=1


@pytest.mark.parametrize("workload", WORKLOADS if LONG else SHORT)
def test_no_conclusion_with_caches_rests_on_a_guess_about_memory(workload: str) -> None:
    found = list(moves(workload))
    assert found
    assert [(name, which) for name, most, which in found if most > MATTERS] == []


@pytest.mark.parametrize("workload", WORKLOADS if LONG else SHORT[:1])
def test_nor_on_a_guess_by_draws(workload: str, tmp_path: Path) -> None:
    own = ("--folder", str(tmp_path), "--jobs", "0") if WORKLOADS[workload][0] == "compare" else ()
    ran = pffemu(*WORKLOADS[workload], *own, "--memory", "caches", "--uncertainty", "10", "--json", "-")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["uncertainty"]["guesses"] == {}


def test_an_entry_that_matters_is_found(tmp_path: Path) -> None:
    """transfer.latency has a source because of this: twice as long, it moves userfaultfd against forwarding."""
    nominal = results(WORKLOADS["bfs-small"], DEFAULT_PROFILE)
    most, which = moved(
        nominal, results(WORKLOADS["bfs-small"], changed_profile(tmp_path, {"transfer.latency": Fraction(134)}))
    )
    assert most > MATTERS, which


def test_a_conclusion_is_about_neighbours_that_differ() -> None:
    nominal = {"time": {"a": 100.0, "b": 200.0, "c": 201.0}}
    assert moved(nominal, {"time": {"a": 100.0, "b": 220.0, "c": 220.0}}) == (
        pytest.approx(0.1), "time: b / a, 2.00 to 2.20",
    )  # fmt: skip
    assert moved(nominal, {"time": {"a": 100.0, "b": 100.0, "c": 201.0}})[0] == pytest.approx(0.5)
    assert moved({"time": {"b": 200.0, "c": 201.0}}, {"time": {"b": 1.0, "c": 2.0}}) == (0.0, "")
