"""--uncertainty: intervals, conclusions, the tornado and the report that draws them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guest.caching.workloads import WORKLOADS
from pffemu.report.json_schemas import schema
from pffemu.report.sweep_table import conclusions
from tests.campaign import LONG
from tests.json_schema import errors
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


def test_waiting_for_memory_is_in_the_intervals() -> None:
    bfs = ("bench", "bfs", "--scale", "8", "--edge-factor", "8", "--mode", "uffd", "--mode", "pff")
    told = draws(*bfs, "--memory", "caches", number=10)
    assert {run["method"] for run in told["runs"]} <= {"linear", "emulated"}  # misses overlap: never exact
    assert all(run["off"] < 5 for run in told["runs"])
    moved = {cost: high - low for cost, _, low, high in told["tornado"]["bars"]}
    assert moved["memory.transfer"] > 0.1
    flat = draws(*bfs, number=10)["tornado"]["bars"]
    assert not any(cost.startswith("memory.") for cost, *_ in flat)


def test_contention_is_run_and_not_calculated() -> None:
    ran = draws("bench", "fault", "--pages", "24", "--threads", "4", "--mode", "uffd", number=10)["runs"][0]
    assert ran["method"] == "emulated"
    assert ran["off"] > 2  # the forms would have been wrong


USUAL = ("--mode", "kernel", "--mode", "uffd", "--mode", "pff")
BOTH = ("--handler", "read", "--handler", "sigbus")
CONCLUSIONS = {  # those of docs/evaluation.md, small
    "copy": ("fault", "--pages", "16", *BOTH),
    "zero": ("fault", "--pages", "16", *BOTH, "--zero"),
    "continue": ("fault", "--pages", "16", *BOTH, "--minor"),
    "writes": ("fault", "--pages", "16", "--handler", "all", *USUAL, "--write"),
    "threads": ("fault", "--pages", "32", "--threads", "4", "--handler-threads", "2", "--random", *USUAL),
    "areas": ("fault", "--pages", "32", "--threads", "4", "--own-areas", "--locking", "6.18", *USUAL[:2], *USUAL[4:]),
    "bfs": ("bfs", "--scale", "9", "--edge-factor", "8", "--handler", "all", *USUAL),
    "cache": ("bfs", "--scale", "9", "--edge-factor", "8", "--resident", "0.5", *BOTH, *USUAL[2:]),
}


SHORT = ("copy", "bfs", "cache")  # the others with PFFEMU_LONG=1


@pytest.mark.parametrize("kind", CONCLUSIONS if LONG else SHORT)
def test_no_conclusion_of_the_default_profile_rests_on_a_guess(kind: str) -> None:
    told = draws("bench", *CONCLUSIONS[kind], number=10)
    assert told["guesses"] == {}
    assert all(cost.startswith("cpu.directed.") for cost in told["assumptions"])


# with PFFEMU_LONG=1 all; else mechanisms on which costs of areas, eviction and the disk tell most
COMPARED = dict.fromkeys(WORKLOADS, "all") if LONG else {"mmapbench-write": "kernel,sigsegv,pff"}


@pytest.mark.parametrize("workload", COMPARED)
def test_no_conclusion_of_a_comparison_rests_on_a_guess(workload: str, tmp_path: Path) -> None:
    told = draws("compare", workload, "--scale", "9", "--quota", "0.5,1" if LONG else "0.5", "--threads", "1",
                 "--mechanism", COMPARED[workload], "--folder", str(tmp_path), number=10)  # fmt: skip
    assert told["guesses"] == {}
    assert all(cost.startswith("cpu.directed.") for cost in told["assumptions"])
    assert len(told["conclusions"]) >= 3


def test_ioctls() -> None:
    told = draws("bench", "ioctl", "--pages", "16")
    assert told["guesses"] == {}
    assert {run["method"] for run in told["runs"]} == {"exact"}
    assert len(told["conclusions"]) == 9
    assert all(one["quantity"] == "call" and one["holds"] == 40 for one in told["conclusions"])


def test_a_sweep_has_intervals_conclusions_and_pictures_of_both(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = ("bench", "sweep", "--folder", str(tmp_path / "points"), "--uncertainty", "20", "--draw-seed", "3",
               "--vary", "threads=1,2", "--json", str(tmp_path / "s.json"), "fault", "--pages", "16",
               "--mode", "uffd", "--mode", "pff")  # fmt: skip
    ran = pffemu(*command)
    assert ran.code == 0, ran.err
    told = json.loads((tmp_path / "s.json").read_text())
    assert list(errors(told, schema("bench-sweep"))) == []
    for point in told["points"]:
        assert list(errors(point["report"], schema("bench"))) == []
        uffd, pff = point["report"]["uncertainty"]["runs"]
        assert uffd["speedup"] == [1, 1, 1]
        low, nominal, high = pff["speedup"]
        assert low < nominal < high
        assert nominal == pytest.approx(uffd["time"][1] / pff["time"][1], rel=1e-3)
        low, _, high = pff["time"]
        assert f"threads {point['values']['threads']}: pff: " in ran.out
        assert f" cycles [{low:,.0f}, {high:,.0f}]" in ran.out
    one = draws("bench", "fault", "--pages", "16", "--mode", "uffd", "--mode", "pff", "--draw-seed", "3", number=20)
    assert told["points"][0]["report"]["uncertainty"] == one
    assert "the measured part: pff takes less than uffd read, 0." in ran.out
    assert "holds in 20 of 20 draws\n" in ran.out
    assert "guesses that move one by more than 5 %: none" in ran.out
    folder, document = tmp_path / "figures", tmp_path / "d.md"
    document.write_text("<!-- s -->\n<!-- /s -->\n<!-- s draws -->\n<!-- /s draws -->\n")
    arguments = ("-o", str(tmp_path / "r.html"), "--figures", str(folder), "--tables", str(document))
    made = pffemu("report", str(tmp_path / "s.json"), *arguments)
    assert made.code == 0, made.err
    assert "| threads | run | mean of a fault |" in document.read_text()
    assert "* a fault: pff takes less" in document.read_text()
    without = json.loads((tmp_path / "s.json").read_text())
    for point in without["points"]:
        del point["report"]["uncertainty"]
    (tmp_path / "s.json").write_text(json.dumps(without))
    pictures = {name: (folder / f"s-{name}.svg").read_text() for name in ("time", "speedup")}
    assert pffemu("report", str(tmp_path / "s.json"), *arguments[:4]).code == 0
    for name, picture in pictures.items():
        assert len((folder / f"s-{name}.svg").read_text()) < len(picture)  # no intervals


def test_what_only_some_points_of_a_sweep_allow_names_them() -> None:
    def point(threads: str, *found: tuple[str, str, list[float], int]) -> dict[str, Any]:
        told = [{"quantity": "time", "less": a, "more": b, "ratio": ratio, "holds": n} for a, b, ratio, n in found]
        guesses = {"kernel.wake": 0.06 * int(threads)}
        return {"values": {"threads": threads},
                "report": {"uncertainty": {"draws": 50, "conclusions": told, "guesses": guesses}}}  # fmt: skip

    both = point("1", ("a", "b", [0.1, 0.2, 0.3], 50)), point("2", ("a", "b", [0.2, 0.4, 0.5], 45))
    assert conclusions(both)[0] == (
        "the measured part: a takes less than b, 0.20x to 0.40x [0.10, 0.50]; holds in at least 45 of 50 draws"
    )
    other = both[0], point("2", ("b", "a", [0.9, 0.95, 0.99], 48))
    assert conclusions(other) == [
        "the measured part: a takes less than b, 0.20x [0.10, 0.30]; holds in 50 of 50 draws (threads 1)",
        "the measured part: b takes less than a, 0.95x [0.90, 0.99]; holds in 48 of 50 draws (threads 2)",
        "guesses that move one by more than 5 %: kernel.wake (12 %)",
    ]


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
