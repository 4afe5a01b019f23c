"""docs/hardware-resolution.md: each test that it names is there, and its costs and bounds are those that run."""

from __future__ import annotations

import re
from pathlib import Path

from pffemu.timing import CATALOGUE, load_profile

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_answers_an_attack_or_shows_an_invariant_exists() -> None:
    page = (ROOT / "docs/hardware-resolution.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    files = [
        *(ROOT / "tests/unit/kernel_model").glob("test_directed_*.py"),
        *(ROOT / "tests/system").glob("test_hardware_*.py"),
    ]
    sources = "".join(path.read_text() for path in files)
    named -= {path.stem for path in files}
    missing = {name for name in named if f"def {name}(" not in sources}
    assert len(named) > 20
    assert not missing


def test_each_invariant_and_each_cost_of_the_unit_has_its_row() -> None:
    page = (ROOT / "docs/hardware-resolution.md").read_text()
    for number in range(1, 11):
        [row] = re.findall(rf"^\| I{number} \|.*$", page, re.MULTILINE)
        assert "`test_" in row
    bounds = dict(re.findall(r'"([a-z.]+)": \(([\d., ]+)\)', (ROOT / "examples/directed_bounds.py").read_text()))
    profile = load_profile()
    assert set(bounds) == {cost for cost in CATALOGUE if ".directed." in cost}
    for cost, both in bounds.items():
        [row] = re.findall(rf"^\| `{cost}`[^|]*\| ([\d.,]+) \| ([\d.,]+) \| ([\d.,]+) \|", page, re.MULTILINE)
        assumed, low, high = (float(cell.replace(",", "")) for cell in row)
        assert [low, high] == [float(each) for each in both.split(", ")]
        assert assumed == float(profile.entries[cost].value)
        assert low < assumed < high
