"""--uncertainty: intervals, conclusions, the tornado and the report that draws them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.cli_runs import pffemu

FAULT = ("bench", "fault", "--pages", "30", "--mode", "uffd", "--mode", "pff", "--mode", "kernel")


def draws(*arguments: str, number: int = 40) -> dict[str, Any]:
    ran = pffemu(*arguments, "--uncertainty", str(number), "--json", "-")
    assert ran.code == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out)["uncertainty"]
    return told


def test_intervals_and_conclusions() -> None:
    told = draws(*FAULT)
    assert [run["run"] for run in told["runs"]] == ["uffd read", "pff", "kernel"]
    assert [run["method"] for run in told["runs"]] == ["linear", "exact", "exact"]
    for run in told["runs"]:
        for quantity in ("mean", "median", "p99", "time"):
            low, nominal, high = run[quantity]
            assert low < nominal < high
        assert run["off"] < 1
    kernel = next(one for one in told["conclusions"] if (one["less"], one["more"]) == ("kernel", "pff"))
    assert kernel["holds"] == 40
    assert "kernel takes less than pff, 0." in kernel["told"]
    bars = told["tornado"]["bars"]
    assert told["tornado"]["of"] == "a fault: uffd read / pff"
    assert all(low <= told["tornado"]["nominal"] <= high for _, _, low, high in bars)
    widths = [high - low for _, _, low, high in bars]
    assert widths == sorted(widths, reverse=True)
    assert told == draws(*FAULT)
    assert told["runs"] != draws(*FAULT, "--draw-seed", "1")["runs"]


def test_contention_is_run_and_not_calculated() -> None:
    ran = draws("bench", "fault", "--pages", "24", "--threads", "4", "--mode", "uffd", number=10)["runs"][0]
    assert ran["method"] == "emulated"
    assert ran["off"] > 2  # the forms would have been wrong


@pytest.mark.parametrize("kind", [(), ("--zero",), ("--minor",)], ids=["copy", "zero", "continue"])
def test_no_conclusion_of_the_default_profile_rests_on_a_guess(kind: tuple[str, ...]) -> None:
    told = draws("bench", "fault", "--pages", "16", "--handler", "read", "--handler", "sigbus", *kind, number=10)
    assert told["guesses"] == {}
    assert all(cost.startswith("cpu.directed.") for cost in told["assumptions"])


def test_ioctls() -> None:
    told = draws("bench", "ioctl", "--pages", "16")
    assert told["guesses"] == {}
    assert {run["method"] for run in told["runs"]} == {"exact"}
    assert len(told["conclusions"]) == 9
    assert all(one["quantity"] == "call" and one["holds"] == 40 for one in told["conclusions"])


def test_tables_are_printed_and_the_report_draws_them(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path, page, document = tmp_path / "f.json", tmp_path / "r.html", tmp_path / "d.md"
    ran = pffemu(*FAULT, "--uncertainty", "20", "--json", str(path))
    assert "draws of the profile's costs lie" in ran.out
    assert "holds in 20 of 20 draws" in ran.out
    assert "What moves a fault: uffd read / pff" in ran.out
    document.write_text("<!-- f -->\n<!-- /f -->\n<!-- f draws -->\n<!-- /f draws -->\n")
    made = pffemu(
        "report", str(path), "-o", str(page), "--figures", str(tmp_path / "figures"), "--tables", str(document)
    )
    assert made.code == 0, made.err
    assert "holds in 20 of 20 draws" in page.read_text()
    assert "holds in 20 of 20 draws" in document.read_text()
    assert (tmp_path / "figures" / "f-tornado.svg").exists()
