"""The progress line: only on a terminal, only after a second, gone when it is cleared."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pffemu.report import progress
from pffemu.report.progress import ProgressLine


def terminal(*, real: bool = True) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=real, width=100), out


def test_nothing_in_the_first_second() -> None:
    console, out = terminal()
    ProgressLine(lambda: console, "title").update("text")
    assert out.getvalue() == ""


def test_nothing_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET", 0.0)
    console, out = terminal(real=False)
    line = ProgressLine(lambda: console, "title")
    line.update("text")
    line.clear()
    assert out.getvalue() == ""


def test_line_comes_goes_and_leaves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET", 0.0)
    console, out = terminal()
    line = ProgressLine(lambda: console, "title", 10)
    line.update("first", 5)
    line.update("second", 50)
    line.clear()
    told = out.getvalue()
    assert "title" in told
    assert "second" in told
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l") >= 0


def test_clear_twice_is_fine() -> None:
    console, out = terminal()
    line = ProgressLine(lambda: console, "title")
    line.clear()
    line.clear()
    assert out.getvalue() == ""
