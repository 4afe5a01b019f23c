"""pffemu bench sweep and report: every point once, resumed after a kill, on one page that needs nothing else."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.system.cli_runs import pffemu

needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs the extra plot")
GUEST = ("fault", "--pages", "12", "--mode", "uffd", "--mode", "pff")


def sweep(folder: Path, *arguments: str) -> Any:
    ran = pffemu("bench", "sweep", "--folder", str(folder), "--json", "-", *arguments)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_every_combination_is_a_point_and_none_is_run_twice(tmp_path: Path) -> None:
    vary = ("--vary", "threads=1,2", "--vary", "handler=read,busy")
    told = sweep(tmp_path, *vary, *GUEST)
    assert [point["values"] for point in told["points"]] == [
        {"threads": threads, "handler": handler} for threads in "12" for handler in ("read", "busy")
    ]
    assert all(run["correct"] for point in told["points"] for run in point["report"]["runs"])
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 4
    assert sweep(tmp_path, *vary, *GUEST) == told
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_after_a_kill_only_what_is_missing_is_run(tmp_path: Path) -> None:
    told = sweep(tmp_path, "--vary", "threads=1,2", *GUEST)
    first, second = sorted(tmp_path.iterdir())
    first.unlink()
    second.write_text(second.read_text()[:100])  # a kill in the middle of writing
    (tmp_path / "fault-0.123").write_text("left over")
    assert sweep(tmp_path, "--vary", "threads=1,2", *GUEST) == told


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--vary", "threads", *GUEST), 2, "is not an option with values"),
        (("--vary", "threads=1", "nothing"), 2, "one of fault, bfs, ioctl"),
        (("--vary", "threads=1", *GUEST, "--json", "x"), 2, "--json belongs to the sweep"),
        (("--vary", "threads=99", *GUEST), 2, "Invalid value for '--threads'"),
        (("--vary", "json=x,y", *GUEST), 2, "--json belongs to the sweep"),
        (("--vary", "threads=1", "--vary", "threads=2", *GUEST), 2, "varied twice"),
    ],
)
def test_bad_sweeps_are_one_message(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    ran = pffemu("bench", "sweep", "--folder", str(tmp_path / "points"), *arguments)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_point_that_fails_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    command = ("bench", "sweep", "--folder", str(tmp_path), "--jobs", "1", "--vary", "ram=1M,64M")
    command = (*command, "fault", "--pages", "400", "--mode", "pff")
    ran = pffemu(*command)
    assert ran.code == 125
    assert "--ram=1M" in ran.err
    assert len(list(tmp_path.iterdir())) == 1
    assert pffemu(*command).code == 125
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_report_of_a_point_is_measured_again(tmp_path: Path) -> None:
    told = sweep(tmp_path, "--vary", "threads=1", *GUEST)
    (point,) = tmp_path.iterdir()
    point.write_text("[]")
    assert sweep(tmp_path, "--vary", "threads=1,1", *GUEST)["points"] == told["points"]


def test_csv_has_a_row_a_run(tmp_path: Path) -> None:
    ran = pffemu("bench", *GUEST, "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["mode"] for row in rows] == ["uffd", "pff"]
    assert all(row["profile"] == "sapphire-rapids" for row in rows)
    for row, path in zip(rows, ("userfaultfd", "forwarded"), strict=True):
        assert int(row[f"parts_{path}_handling"]) > 0
        assert int(row[f"latency_{path}_median"]) > 0


@needs_matplotlib
def test_a_report_is_one_page_that_fetches_nothing(tmp_path: Path) -> None:
    fault, ioctl, swept = (tmp_path / f"{name}.json" for name in ("fault", "ioctl", "swept"))
    assert pffemu("bench", *GUEST, "--json", str(fault)).code == 0
    assert pffemu("bench", "ioctl", "--pages", "8", "--json", str(ioctl)).code == 0
    swept.write_text(json.dumps(sweep(tmp_path / "points", "--vary", "threads=1,2", *GUEST)))
    tables = tmp_path / "tables.md"
    tables.write_text("".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in ("fault", "ioctl", "swept")))
    command = ("report", str(fault), str(ioctl), str(swept), "-o", str(tmp_path / "page.html"))
    ran = pffemu(*command, "--figures", str(tmp_path / "figures"), "--tables", str(tables))
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text()
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<h2 id=") == page.count("<a href=")  # the contents
    assert page.count("<svg") == 3 + 1 + 2 + 1
    assert "<script" not in page
    assert 'src="' not in page
    for picture in (tmp_path / "figures").glob("*.svg"):
        ElementTree.parse(picture)
    assert len(list((tmp_path / "figures").glob("*.png"))) == 3 + 1 + 2
    assert "old" not in tables.read_text()
    assert "| UFFDIO_ZEROPAGE |" in tables.read_text()
    before = page
    assert pffemu(*command).code == 0
    assert (tmp_path / "page.html").read_text() == before


def test_what_is_no_report_is_one_message(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    for text in (
        "", "[1]", '{"command": "run"}', '{"command": "bench fault"}',
        '{"command": "bench ioctl", "version": "1", "options": {}, "runs": [{}]}',
        '{"command": "bench fault", "version": "1", "options": {}, "runs": []}',
        '{"command": "bench sweep", "version": "1", "options": {"benchmark": "x", "vary": {"a": ["1"]}}, "points": []}',
        '{"command": "bench fault", "version": "1", "options": [], "runs": [{"mode": 1}]}',
    ):  # fmt: skip
        wrong.write_text(text)
        ran = pffemu("report", str(wrong), "-o", str(tmp_path / "page.html"))
        assert ran.code == 2, (text, ran.err)
        assert "Traceback" not in ran.err
