"""pffemu timing and bench ioctl: profiles shown and checked, the ioctl taken apart, docs/timing.md up to date."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pffemu.cli import validation
from pffemu.timing import CATALOGUE, SHIFT, builtin_profiles, load_profile
from pffemu.timing.hierarchy import FIELDS
from tests.system.cli_runs import pffemu

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("profile", builtin_profiles())
def test_show_tells_every_cost(profile: str) -> None:
    ran = pffemu("timing", "show", profile)
    assert ran.code == 0
    assert all(cost in ran.out for cost in CATALOGUE)
    memory = ran.out[ran.out.index("[memory]") :]
    lines = {line.split()[1]: line for line in memory.splitlines() if line.count("│") == 5}
    for name, entry in load_profile(profile).hierarchy.items():
        assert f"│ {entry.status.value} " in lines[name]
        assert " ".join(entry.source.split()[:2]) in lines[name]
    assert set(FIELDS) <= set(lines)


def test_check_takes_files_and_refuses_wrong_ones(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('name = "good"\nmachine = "a copy"\nbase = "amd-rome"\n')
    bad.write_text(good.read_text() + '[costs]\n"cpu.iretq" = 3\n')
    assert pffemu("timing", "check", str(good)).code == 0
    ran = pffemu("timing", "check", str(bad))
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'cpu.iret'?" in ran.err
    assert pffemu("timing", "check", str(tmp_path / "no.toml")).code == 127


@cache
def runs() -> dict[tuple[str, str], Any]:
    ran = pffemu("bench", "ioctl", "--pages", "24", "--json", "-")
    assert ran.code == 0, ran.err
    return {(run["case"], run["ioctl"]): run for run in json.loads(ran.out)["runs"]}


def test_without_a_sleeper_an_ioctl_costs_less_by_exactly_what_it_does_not_do() -> None:
    told, rates = runs(), load_profile().rates
    for ioctl in ("UFFDIO_ZEROPAGE", "UFFDIO_COPY", "UFFDIO_CONTINUE"):
        alone, sleeper = told["pff, no sleeper", ioctl], told["uffd, sleeper on this core", ioctl]
        assert "wake" not in alone["units"]
        assert set(sleeper["units"]) - set(alone["units"]) == {"wake"}
        for stage, units in alone["units"].items():
            assert sleeper["units"][stage] == units
        wake = sleeper["units"]["wake"]
        assert set(wake) == {"kernel.lock", "kernel.uffd.wake", "kernel.wake"}
        saved = sum(rates[cost] * units for cost, units in wake.items()) / sleeper["calls"]
        assert sleeper["total"] - alone["total"] == saved / (1 << SHIFT)
        assert all(run["calls"] == 24 and run["correct"] for run in (alone, sleeper))


def test_stages_add_up_to_the_total() -> None:
    for run in runs().values():
        assert 0 <= run["total"] - sum(run["stages"].values()) < len(run["stages"])  # whole cycles of each


def test_docs_have_the_table_of_today() -> None:
    table = validation.markdown([validation.compare(total) for total in validation.published()])
    assert table in (ROOT / "docs" / "timing.md").read_text(), "run: pffemu timing validate --write docs/timing.md"


def test_fitted_totals_are_met_and_large_errors_are_marked() -> None:
    for one in map(validation.compare, validation.published()):
        if one.total.fitted:
            assert abs(one.error) < 20, one
        assert one.large == (f"**{one.error:+.0f}" in validation.markdown([one]))


def test_what_a_source_leaves_open_is_a_bound_on_both_sides() -> None:
    (total,) = (one for one in validation.published() if one.what.startswith("exmap-like"))
    found = validation.compare(total)
    assert 40 * found.model < total.value < found.most / 5
    assert (found.error, found.large) == (0, False)
    assert "| 185 to 47,435 ns | within |" in validation.markdown([found])
    assert validation.Compared(replace(total, value=100), found.model, found.most).error == pytest.approx(85)
    assert validation.Compared(replace(total, value=94_870), found.model, found.most).error == pytest.approx(-50)
