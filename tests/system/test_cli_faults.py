"""pffemu faults, and the fault that pffemu timeline shows: the same numbers as a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.cli_runs import pffemu

ROOT = Path(__file__).parents[2]
GUEST = str(ROOT / "examples" / "own_handler.s")
TWO_FAULTS = """.include "pff.inc"
.global _start
_start:
    sub rsp, 0x20000
    mov byte ptr [rsp], 1                 # an ordinary page, before any userfaultfd
    add rsp, 0x20000
""" + Path(GUEST).read_text().partition("_start:\n")[2]


@pytest.fixture
def two_faults(tmp_path: Path) -> str:
    path = tmp_path / "two.s"
    path.write_text(TWO_FAULTS)
    return str(path)


def test_rows_are_the_faults_of_the_trace(two_faults: str, tmp_path: Path) -> None:
    listed = pffemu("faults", "--json", "-", two_faults)
    assert listed.code == 0, listed.err
    pffemu("run", "--trace", str(tmp_path / "t"), two_faults)
    events = [json.loads(line) for line in (tmp_path / "t").read_text().splitlines()]
    refused = [e for e in events if e["event"] == "walk_refused"]
    resumed = {e["fault"]: e for e in events if e["event"] == "resumed"}
    rows = json.loads(listed.out)["rows"]
    assert [(r["number"], r["address"], r["rip"], r["start"]) for r in rows] == [
        (e["fault"], e["address"], e["rip"], e["time"]) for e in refused
    ]
    assert len(rows) >= 2
    for row in rows:
        end = resumed[row["number"]]
        assert (row["path"], row["cycles"]) == (end["path"], end["time"] - row["start"])
    assert [(r["path"], r["userfaultfd"]) for r in rows if r["userfaultfd"]] == [("forwarded", True)]
    assert rows[-1]["source"].startswith("two.s:")


def test_what_is_left_out_is_counted(two_faults: str) -> None:
    listed = pffemu("faults", "--most", "1", two_faults)
    assert listed.code == 0, listed.err
    assert "more (--most)" in listed.out
    assert "forwarded 1 in" in listed.out


def test_a_timeline_shows_the_first_fault_in_userfaultfd_memory(two_faults: str) -> None:
    shown = pffemu("timeline", "--mode", "pff", two_faults)
    assert "forward to ring 3" in shown.out
    first = pffemu("timeline", "--mode", "pff", "--fault", "1", two_faults)
    assert "forward to ring 3" not in first.out
    assert "page mapped" in first.out


def test_modes_show_the_same_fault() -> None:
    shown = pffemu("timeline", "--mode", "all")
    refused = [line for line in shown.out.splitlines() if "page walk refused" in line]
    assert len(refused) >= 4
    assert len(set(refused)) == 1


@pytest.mark.parametrize("command", ["timeline", "faults"])
def test_an_option_behind_the_program_is_warned_of(command: str) -> None:
    late = pffemu(command, GUEST, "--cpus", "1")
    assert "warning: --cpus behind the program's name is the guest's" in late.err
    assert "warning" not in pffemu(command, "--cpus", "1", GUEST, "plain").err
