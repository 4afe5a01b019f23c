"""What test explorers of editors ask for: every test's id, file and line, and to run just that id again."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

pytest_plugins = "pytester"

FILE = """# test: adding works
# expect: rax == 5
    mov eax, 2
    add eax, 3

# test: größer als {n}, [with] "all/kinds" of letters: 日本
# param: n = 1, 2
# param: how = "mov rax, [rbx]", "xor eax, eax"
# map: buf 4K rw
# regs: rbx=buf
# expect: rax == 0
    {how}

# test: this one fails
# mode: kernel, pff
# expect: rax == 6
    mov eax, 5
"""
FOLDER = "with space/ünter"
LINES = {"adding-works": 1, "größer": 6, "this-one": 14}
EXPLORER = """
import json, pathlib

def pytest_collection_finish(session):
    rows = [
        {"id": i.nodeid, "path": str(i.path), "file": i.location[0], "line": i.location[1], "said": i.reportinfo()[1]}
        for i in session.items
    ]
    pathlib.Path("explorer.json").write_text(json.dumps(rows))
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    folder = pytester.mkdir("with space") / "ünter"
    folder.mkdir()
    (folder / "test_file né.s").write_text(FILE)
    pytester.makeini("[pytest]\n")
    pytester.makeconftest(EXPLORER)
    return pytester


def explored(project: pytest.Pytester, *arguments: str) -> list[dict[str, str]]:
    project.runpytest_inprocess("--collect-only", "-q", "-p", "no:xdist", *arguments)
    rows: list[dict[str, str]] = json.loads((project.path / "explorer.json").read_text())
    return rows


def test_every_item_says_where_its_block_starts(project: pytest.Pytester) -> None:
    rows = explored(project)
    assert len(rows) == 7
    for row in rows:
        name = row["id"].partition("::")[2]
        line = next(line for start, line in LINES.items() if name.startswith(start))
        assert (row["line"], row["said"]) == (line - 1, line - 1)
        assert row["path"] == str(project.path / FOLDER / "test_file né.s")
        assert row["file"] == f"{FOLDER}/test_file né.s"


def test_every_id_can_be_run_alone(project: pytest.Pytester) -> None:
    for row in explored(project):
        result = project.runpytest_inprocess(row["id"], "-q", "-p", "no:xdist")
        assert result.parseoutcomes() == {"failed" if "this-one" in row["id"] else "passed": 1}, row["id"]


def test_all_ids_at_once_and_from_a_folder_below(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    identifiers = [row["id"] for row in explored(project)]
    assert project.runpytest_inprocess(*identifiers).parseoutcomes() == {"passed": 5, "failed": 2}
    monkeypatch.chdir(project.path / FOLDER)
    result = project.runpytest_inprocess("test_file né.s::adding-works")
    assert result.parseoutcomes() == {"passed": 1}
    result = project.runpytest_inprocess("test_file né.s::this-one-fails[pff]")
    result.stdout.fnmatch_lines(["    pytest 'test_file né.s::this-one-fails?pff?' --pffemu-events"])


def test_junit_has_file_and_line(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("--junitxml=out.xml", "-o", "junit_family=xunit1", "-p", "no:xdist")
    cases = list(ET.parse(project.path / "out.xml").iter("testcase"))
    assert len(cases) == 7
    for case in cases:
        line = next(line for start, line in LINES.items() if str(case.get("name")).startswith(start))
        assert (case.get("file"), case.get("line")) == (f"{FOLDER}/test_file né.s", str(line - 1))


def test_one_line_says_where_and_what(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "test_bad.s").write_text("# test: x\n# expect: rax == 0\nmov\n")
    result = project.runpytest_inprocess("--tb=line", "-p", "no:xdist", "--junitxml=out.xml")
    result.stdout.fnmatch_lines([
        "test_bad.s:3: x: keystone*",
        f"{FOLDER}/test_file né.s:16: this one fails ?kernel?: expect: rax == 6: does not hold",
        f"{FOLDER}/test_file né.s:16: this one fails ?pff?: expect: rax == 6: does not hold",
        "FAILED test_bad.s::x - x: *",
    ])  # fmt: skip
    messages = [failure.get("message") for failure in ET.parse(project.path / "out.xml").iter("failure")]
    assert "this one fails [pff]: expect: rax == 6: does not hold" in messages
    monkeypatch.setenv("CI", "1")
    result = project.runpytest_inprocess("--tb=no", "-p", "no:xdist")
    result.stdout.no_fnmatch_line("*expected 6*")


def test_last_failed_stepwise_and_stopping(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("-p", "no:xdist").parseoutcomes() == {"passed": 5, "failed": 2}
    assert project.runpytest_inprocess("--lf", "-p", "no:xdist").parseoutcomes() == {"failed": 2}
    assert project.runpytest_inprocess("--lf", "-x", "-p", "no:xdist").parseoutcomes() == {"failed": 1}
    first = project.runpytest_inprocess("--sw", "-p", "no:xdist").parseoutcomes()
    assert (first["passed"], first["failed"]) == (5, 1)
    skipped = project.runpytest_inprocess("--sw-skip", "-p", "no:xdist").parseoutcomes()
    assert (skipped["failed"], skipped["deselected"]) == (2, 5)
    assert project.runpytest_inprocess("-k", "größer and xor", "-p", "no:xdist").parseoutcomes()["passed"] == 2


@pytest.mark.parametrize("distribution", ["load", "loadfile", "worksteal"])
def test_workers_of_xdist_run_each_once(project: pytest.Pytester, distribution: str) -> None:
    result = project.runpytest_subprocess("-n", "2", "--dist", distribution)
    assert result.parseoutcomes() == {"passed": 5, "failed": 2}
