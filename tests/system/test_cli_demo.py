"""pffemu demo, doctor, help and version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pffemu import __version__
from pffemu.cli import doctor
from tests.system.cli_runs import pffemu


def test_demo_shows_what_forwarding_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = pffemu("demo")
    assert (ran.code, ran.err) == (0, "")
    assert "pff:   1,024 faults, 1,024 deliveries, 1,024 UIRETs, 0 handler threads, 0 wakes" in ran.out
    assert "uffd:  1,024 faults -> 1,024 messages -> wake -> 1 handler thread -> ioctl -> wake" in ran.out
    assert "WRONG" not in ran.out
    for step in ("uffd_msg queued", "thread 2 woken", "frame of 48 bytes", "UIRET, UIF=1", "page-table entry set"):
        assert step in ran.out
    assert len(re.findall(r"\b[0-9a-f]{64}\b", ran.out)) == 5
    figure = tmp_path / "pffemu-demo.png"
    assert figure.exists() == ("Figure: pffemu-demo.png" in ran.out)
    assert figure.exists() or "pip install 'pffemu[plot]'" in ran.out


def test_demo_without_matplotlib_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pffemu.report.plot.available", lambda: False)
    monkeypatch.chdir(tmp_path)
    ran = pffemu("demo")
    assert ran.code == 0
    assert "No figure: matplotlib is not installed. Try: pip install 'pffemu[plot]'" in ran.out
    assert not list(tmp_path.iterdir())


def test_doctor_finds_nothing_wrong_here() -> None:
    ran = pffemu("doctor")
    assert (ran.code, ran.err) == (0, "")
    for name in doctor.CHECKS:
        assert name in ran.out


def test_doctor_reports_a_broken_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "UINTR_GUEST", "_start: hlt\n")
    ran = pffemu("doctor")
    assert ran.code == 1
    assert "FAIL" in ran.out


def test_version() -> None:
    assert pffemu("--version").out == f"pffemu {__version__}\n"


@pytest.mark.parametrize(
    "command", [(), ("run",), ("bench",), ("bench", "fault"), ("bench", "bfs"), ("demo",), ("doctor",)]
)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    ran = pffemu(*command, "--help")
    assert ran.code == 0
    assert "Usage: pffemu" in ran.out
    assert "Example: pffemu" in ran.out or command == ("bench",)


def test_bare_command_shows_help() -> None:
    assert "Usage: pffemu" in pffemu().out
