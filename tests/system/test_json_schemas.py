"""What commands write with --json is what their schemas say, and the schemas say something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pffemu.report.json_schemas import names, schema
from tests.json_schema import errors
from tests.system.cli_runs import ROOT, pffemu

HANDLER = str(ROOT / "examples" / "own_handler.s")
COMMANDS = {
    "run": ("run", "--host-stats", "--json", "{out}", HANDLER),
    "faults": ("faults", "--json", "{out}", HANDLER),
    "bench": ("bench", "fault", "--pages", "4", "--mode", "uffd", "--mode", "pff", "--uncertainty", "10", "--scatter",
              "--json", "{out}"),
    "bench-ioctl": ("bench", "ioctl", "--pages", "4", "--json", "{out}"),
    "bench-sweep": ("bench", "sweep", "--vary", "pages=4", "--folder", "{folder}", "--jobs", "1", "--json", "{out}",
                    "fault", "--mode", "pff"),
    "compare": ("compare", "--mechanism", "pff", "--quota", "0.5", "--scale", "9", "--jobs", "0", "--uncertainty", "10",
                "--folder", "{folder}", "--json", "{out}", "scan"),
}  # fmt: skip


def report(folder: Path, *command: str) -> Any:
    out = folder / "out.json"
    ran = pffemu(*(word.format(out=out, folder=folder / "points") for word in command))
    assert out.exists(), ran.err
    return json.loads(out.read_text())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_report_is_what_its_schema_says(name: str, tmp_path: Path) -> None:
    told = report(tmp_path, *COMMANDS[name])
    assert list(errors(told, schema(name))) == []
    assert list(errors({**told, "unknown": 1}, schema(name))) == ["$: unknown is not known"]
    assert list(errors({**told, "version": 1}, schema(name))) == ["$.version: 1 is no string"]
    rows = told.get("runs") or told.get("rows") or told["points"]
    key = next(iter(rows[0]))
    del rows[0][key]
    assert [found.endswith(f"[0]: no {key}") for found in errors(told, schema(name))] == [True]


def test_a_comparison_of_a_program_has_the_same_schema(tmp_path: Path) -> None:
    told = report(tmp_path, "compare", HANDLER, "--mechanism", "pff", "--json", "{out}")
    assert list(errors(told, schema("compare"))) == []


def test_every_schema_is_tested_listed_and_printed() -> None:
    assert set(names()) == set(COMMANDS)
    assert pffemu("schema").out.split() == list(names())
    for name in names():
        assert json.loads(pffemu("schema", name).out) == schema(name)
    unknown = pffemu("schema", "runs")
    assert unknown.code == 2
    assert "no schema 'runs'" in unknown.err
