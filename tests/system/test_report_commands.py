"""The command that a report's page shows makes the same report again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pffemu.report.command_line import command_line
from tests.system.cli_runs import ROOT, pffemu

HANDLER = str(ROOT / "examples" / "own_handler.s")
COMMANDS = {
    "fault": "bench fault --pages 4 --write --zero --random --mode uffd --handler poll --handler read --delivery drain"
    " --wakeup-preemption",
    "minor": "bench fault --pages 4 --minor --mode pff --uncertainty 10 --draw-seed 3 --scatter --profile amd-rome",
    "rings": "bench fault --pages 4 --mode hw --frames 8 --low 1 --batch 2 --cpus 3",
    "bfs": "bench bfs --scale 6 --edge-factor 2 --seed 5 --resident 0.5 --evict clock --mode pff --lookup pte",
    "ioctl": "bench ioctl --pages 4",
    "program": f"compare --mechanism pff --regions 2 {HANDLER}",
}


def report(command: str, folder: Path) -> Any:
    folder.mkdir()
    words = shlex.split(command)
    at = 2 if words[0] == "bench" else 1
    words[at:at] = ["--json", str(folder / "out.json")]
    ran = pffemu(*words)
    assert ran.code == 0, ran.err
    return json.loads((folder / "out.json").read_text())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_of_a_page_makes_its_report_again(name: str, tmp_path: Path) -> None:
    told = report(COMMANDS[name], tmp_path / "first")
    shown = command_line(told)
    assert report(shown.removeprefix("pffemu "), tmp_path / "again") == told
    asked = [word for word in COMMANDS[name].split() if word.startswith("--")]
    assert all(word.partition("=")[0] in shown for word in asked), shown


def test_the_command_of_a_sweep() -> None:
    options = {"benchmark": "fault", "arguments": ["--pages", "4"], "vary": {"threads": ["1", "2"], "cpus": ["4"]}}
    shown = command_line({"command": "bench sweep", "options": options, "points": []})
    assert shown == "pffemu bench sweep --vary=threads=1,2 --vary=cpus=4 fault --pages 4"


def test_the_command_of_a_workloads_comparison() -> None:
    options = {
        "workload": "kv", "scale": 12, "mechanisms": ["pff", "uffd"], "quotas": [0.25, 1.0], "threads": [1, 4],
        "policy": "fifo", "profile": "fred", "profile_hash": "0" * 64, "machine": ["--delivery", "drain"],
    }  # fmt: skip
    shown = command_line({"command": "compare", "options": options, "runs": []})
    assert shown == (
        "pffemu compare --scale 12 --mechanism pff,uffd --quota 0.25,1 --threads 1,4 --policy fifo --profile fred "
        "--delivery drain kv"
    )
