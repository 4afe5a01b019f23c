"""The suite itself notices what it is for: a difference, a listed difference that vanished, a stale recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance import compare, outcome, program
from tests.conformance.compare import Verdict
from tests.conformance.outcome import Outcome
from tests.conformance.program import ConformanceProgram, read_program

LINUX = Outcome(0, "one\n", "")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConformanceProgram:
    """A program of which both sides say LINUX, the recording too."""
    monkeypatch.setattr(program, "EXPECTED", tmp_path)
    monkeypatch.setattr(compare, "build", lambda _: tmp_path)
    monkeypatch.setattr(compare, "compiler", lambda _: ("cc",))
    monkeypatch.setattr(compare, "known_differences", dict)
    monkeypatch.setattr(outcome, "is_reference_host", lambda: True)
    monkeypatch.setattr(outcome, "on_host", lambda *_: LINUX)
    monkeypatch.setattr(outcome, "in_pffemu", lambda *_: LINUX)
    made = ConformanceProgram("topic/example", tmp_path / "example.c")
    outcome.record(made, LINUX)
    return made


def test_equal_outcomes_are_the_same(example: ConformanceProgram) -> None:
    assert compare.compare(example).verdict is Verdict.SAME


@pytest.mark.parametrize("ours", [replace(LINUX, stdout="two\n"), replace(LINUX, status=1), replace(LINUX, stderr="x")])
def test_another_output_or_status_is_a_difference(
    example: ConformanceProgram, monkeypatch: pytest.MonkeyPatch, ours: Outcome
) -> None:
    monkeypatch.setattr(outcome, "in_pffemu", lambda *_: ours)
    assert compare.compare(example).verdict is Verdict.DIFFERENT
    monkeypatch.setattr(compare, "known_differences", lambda: {example.name: "why"})
    assert compare.compare(example).verdict is Verdict.KNOWN


def test_a_listed_difference_that_vanished_fails(example: ConformanceProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "known_differences", lambda: {example.name: "why"})
    comparison = compare.compare(example)
    assert comparison.verdict is Verdict.VANISHED
    assert comparison.failed


def test_a_recording_that_is_not_what_the_host_does_fails(example: ConformanceProgram) -> None:
    outcome.record(example, replace(LINUX, stdout="old\n"))
    assert compare.compare(example).verdict is Verdict.STALE
    example.expected.unlink()
    assert compare.compare(example).verdict is Verdict.STALE


def test_without_the_host_the_recording_decides(example: ConformanceProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "is_reference_host", lambda: False)
    monkeypatch.setattr(outcome, "on_host", lambda *_: pytest.fail("the host was asked"))
    assert compare.compare(example).verdict is Verdict.SAME
    outcome.record(example, replace(LINUX, stdout="other\n"))
    assert compare.compare(example).verdict is Verdict.DIFFERENT
    example.expected.unlink()
    assert compare.compare(example).verdict is Verdict.SKIPPED


def test_directives_stand_in_the_leading_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PROGRAMS", tmp_path)
    monkeypatch.setattr(program, "EXPECTED", tmp_path)
    (tmp_path / "topic").mkdir()
    source = tmp_path / "topic" / "name.c"
    source.write_text("/* About it.\n * args: a b\n * stdin: x\\ny\n * cpus: 1\n */\nint x; // args: not this\n")
    read = read_program(source)
    assert (read.name, read.args, read.stdin, read.cpus, read.needs) == ("topic/name", ("a", "b"), b"x\ny", 1, ())
