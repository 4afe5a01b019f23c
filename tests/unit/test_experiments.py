"""Experiments as functions: the same numbers as the commands, typed, and shown in a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pffemu
from pffemu import FaultWorkload, Mode, UsageError, guest_program
from pffemu.errors import PffemuError
from tests.system.cli_runs import ROOT
from tests.system.cli_runs import pffemu as command

GUEST = ROOT / "examples" / "own_handler.s"
PROGRAM = (guest_program("fault_bench"), ["4", "0", "0", "1"])


def test_faults_are_those_of_the_command() -> None:
    table = pffemu.faults(GUEST, mode=Mode.PFF)
    told = json.loads(command("faults", "--json", "-", str(GUEST)).out)
    assert len(table) == told["faults"] == table.count
    assert [(row.number, row.cycles, row.symbol, row.source) for row in table] == [
        (row["number"], row["cycles"], row["symbol"], row["source"]) for row in told["rows"]
    ]
    assert table.stop.exit_code == 42
    assert "own_handler.s:43" in str(table)
    assert f"<td>{table[0].cycles:,}" in table._repr_html_()


def test_a_timeline_is_one_fault_under_each_mode() -> None:
    shown = pffemu.timeline(*PROGRAM, modes=[Mode.KERNEL, Mode.UFFD, Mode.PFF])
    assert [fault.mode for fault in shown.faults] == ["kernel", "uffd", "pff"]
    assert len({fault.address for fault in shown.faults}) == 1
    assert shown[Mode.PFF].path == "forwarded"
    assert "frame of 48 bytes" in str(shown)
    assert shown._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(KeyError):
        shown[Mode.UPCALL]


def test_a_benchmark_has_a_typed_run_for_each_mode(tmp_path: Path) -> None:
    result = pffemu.bench(FaultWorkload(8), [Mode.UFFD, Mode.PFF])
    told = json.loads(command("bench", "fault", "--pages", "8", "--mode", "pff", "--json", "-").out)["runs"][0]
    assert result[Mode.PFF].trace_hash == told["trace_hash"]
    assert result[Mode.PFF].correct
    assert [row["mode"] for row in result.records()] == ["uffd", "pff"]
    assert result.as_dict()["runs"][1]["latency"] == told["latency"]
    pytest.importorskip("matplotlib")
    pffemu.write_report([result], tmp_path / "r.html", ["eight pages"])
    assert "eight pages" in (tmp_path / "r.html").read_text()


def test_names_are_as_good_as_members() -> None:
    assert pffemu.faults(GUEST, mode="pff").paths == pffemu.faults(GUEST, mode=Mode.PFF).paths
    shown = pffemu.timeline(*PROGRAM, modes=["uffd", "pff"])
    assert shown["pff"] == shown[Mode.PFF]
    result = pffemu.bench(FaultWorkload(4), ["uffd"], handler="poll")
    assert result["uffd"].correct
    assert result["uffd"].handler == "poll"
    assert len(pffemu.compare("kv", ["pff"], quotas=[1], scale=9).runs) == 1


def test_wrong_names_are_one_error() -> None:
    for wrong in (
        lambda: pffemu.timeline(*PROGRAM, modes=["pf"]), lambda: pffemu.bench(FaultWorkload(4), "pff"),
        lambda: pffemu.bench(FaultWorkload(4), ["pff"], handler="x"), lambda: pffemu.bench(FaultWorkload(4), [], mod=1),
        lambda: pffemu.compare("kv", ["nonesuch"]), lambda: pffemu.compare("kv", "pff", cpu_count=1),
        lambda: pffemu.faults(GUEST, mod="pff"), lambda: pffemu.faults(GUEST, cpus="2"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as error:
            wrong()
        assert error.value.remedy


def test_text_is_no_program_and_pandas_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="Path"):
        pffemu.faults("prog")  # type: ignore[arg-type]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(PffemuError, match="pandas is not installed"):
        pffemu.faults(GUEST).to_pandas()


def test_a_quota_below_a_page_is_refused_as_by_the_command() -> None:
    with pytest.raises(UsageError, match="a quota of 1 of 16 pages is below"):
        pffemu.compare("kv", "pff", quotas=(0.01,), scale=8)
