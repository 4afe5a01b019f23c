"""Figures: formats, and what happens without matplotlib."""

from __future__ import annotations

from pathlib import Path

import pytest

from pffemu.errors import PffemuError, UsageError
from pffemu.report import plot
from pffemu.report.stages import STAGES, StageCosts
from pffemu.report.summary import HostCosts, RunSummary

needs_matplotlib = pytest.mark.skipif(not plot.available(), reason="no matplotlib")


def run(mode: str, faults: int = 5) -> RunSummary:
    stages = {mode: StageCosts(faults, {stage: 100 * n for n, stage in enumerate(STAGES)})} if faults else {}
    return RunSummary(mode, {"faults": faults}, True, "", 10_000, stages, HostCosts(0, 0))


@needs_matplotlib
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_formats(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"figure{suffix}"
    benchmarks = {"One: a": [run("uffd"), run("pff")], "Two: b": [run("kernel"), run("uffd"), run("pff")]}
    plot.draw(benchmarks, path, "some-machine")
    assert path.read_bytes().startswith(magic)


@needs_matplotlib
def test_run_without_faults(tmp_path: Path) -> None:
    plot.draw({"One": [run("pff", 0)]}, tmp_path / "figure.png", "some-machine")
    assert (tmp_path / "figure.png").stat().st_size > 1000


@needs_matplotlib
def test_same_runs_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plot.draw({"One: a": [run("pff")]}, tmp_path / name, "some-machine")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@needs_matplotlib
def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PffemuError, match="cannot write"):
        plot.draw({"One": [run("pff")]}, tmp_path / "none" / "figure.png", "some-machine")


def test_unknown_format() -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        plot.check(Path("figure.doc"))


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "available", lambda: False)
    with pytest.raises(PffemuError, match="plot"):
        plot.check(Path("figure.png"))


def test_every_stage_has_a_colour() -> None:
    assert set(plot._COLOURS) == set(STAGES)
    assert len(set(plot._COLOURS.values())) == len(STAGES)
