"""pffemu trace and pffemu timeline: files that viewers read, and what is said when they cannot be written."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from tests.hidden_packages import hide
from tests.system.cli_runs import ROOT, pffemu

GUEST = str(ROOT / "examples" / "own_handler.s")


def test_a_trace_for_chrome_and_the_guests_exit_status(tmp_path: Path) -> None:
    result = pffemu("trace", "-o", str(tmp_path / "t.json"), GUEST)
    assert result.code == 42, result.err
    records = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    assert {"access", "handler", "resume"} <= {record.get("name") for record in records}


def test_the_same_trace_every_time(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        pffemu("trace", "-o", str(tmp_path / name), GUEST)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_run_cut_short_leaves_a_complete_file(tmp_path: Path) -> None:
    result = pffemu("trace", "--budget", "20", "-o", str(tmp_path / "t.json"), GUEST)
    assert result.code == 124
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]


def test_another_format_is_refused_before_the_guest_runs(tmp_path: Path) -> None:
    result = pffemu("trace", "-o", str(tmp_path / "t.txt"), GUEST)
    assert (result.code, result.out) == (2, "")
    assert "t.txt: a trace is a .json or a .pftrace" in result.err


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    result = pffemu("trace", "-o", str(tmp_path / "none" / "t.json"), GUEST)
    assert result.code == 2
    assert f"cannot write: there is no directory {tmp_path / 'none'}" in result.err


def test_a_timeline_of_one_fault_as_text_and_as_a_picture(tmp_path: Path) -> None:
    text = pffemu("timeline", "--mode", "pff")
    assert text.code == 0, text.err
    assert "MMU: forward to ring 3" in text.out
    drawn = pffemu("timeline", "--mode", "pff", "-o", str(tmp_path / "fault.svg"))
    assert drawn.code == 0, drawn.err
    assert "MMU: forward to ring 3" in (tmp_path / "fault.svg").read_text()


def test_a_timeline_of_a_program(tmp_path: Path) -> None:
    result = pffemu("timeline", "--mode", "pff", "--fault", "1", GUEST)
    assert result.code == 0, result.err
    assert "One fault under pff" in result.out


def test_a_fault_that_the_unit_fills_and_one_that_it_declines_beside_a_forwarded_one() -> None:
    benchmark = (str(ROOT / "guest/asm/fault_bench.s"), "4", "1", "0", "1", "1", "0", "1", "2")  # two frames
    result = pffemu("timeline", "--fault", "2", "--fault", "3", "--mode", "hw", "--mode", "pff", *benchmark)
    assert result.code == 0, result.err
    filled, _, declined, forwarded = result.out.split("Fault ")[1:]
    assert filled.startswith("2 under hw")
    assert "unit: entry published" in filled
    assert "system call" not in filled
    assert declined.startswith("3 under hw")
    assert "unit: declines (frame ring empty)" in declined
    assert "takes over 2 records of the unit" in declined
    assert "MMU: forward to ring 3" in declined
    assert forwarded.startswith("3 under pff")
    assert "unit" not in forwarded


def test_a_page_shows_one_fault(tmp_path: Path) -> None:
    result = pffemu("timeline", "--fault", "2", "--fault", "3", "--html", str(tmp_path / "f.html"))
    assert result.code == 2
    assert "a page steps through one fault" in result.err


def test_a_fault_that_did_not_happen_is_said_so() -> None:
    result = pffemu("timeline", "--mode", "pff", "--fault", "1000", GUEST)
    assert result.code == 2
    assert "the run had no fault 1000 that was resumed" in result.err


def test_a_picture_is_an_svg(tmp_path: Path) -> None:
    result = pffemu("timeline", "-o", str(tmp_path / "fault.png"))
    assert result.code == 2
    assert "the picture is an .svg" in result.err


def test_a_trace_is_never_replaced_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trace.json").write_text("mine")
    assert pffemu("trace", GUEST).code == 2
    assert (tmp_path / "trace.json").read_text() == "mine"
    named = pffemu("trace", "-o", "trace.json", GUEST)
    assert "in place of an older file" in named.err
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]


def test_without_its_package_a_pftrace_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with suppress(ImportError):  # as tests that ran before may have done
        import_module("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
        import_module("perfetto.trace_builder.proto_builder")
    hide("perfetto", monkeypatch)
    result = pffemu("trace", "-o", str(tmp_path / "x.pftrace"), GUEST)
    assert result.code == 125
    assert "pip install 'pffemu[trace]'" in result.err
    assert not (tmp_path / "x.pftrace").exists()
