"""Coverage of guest code: lines, branch directions, includes, lcov, workers."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

INCLUDED = ".text\ntwice:\n    add eax, eax\n    ret\nnever:\n    ret\n"
FILE = """.include "twice.inc"
# test: doubling
# param: n = 1, 5
# expect: rax == 2 * n
    mov eax, n
    cmp eax, 100
    ja far
    call twice
    jmp out
far:
    nop
out: nop
# test: a loop goes both ways
# expect: rcx == 0
    mov ecx, 3
again:
    dec ecx
    jnz again
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".s", test_cov=FILE)
    pytester.makefile(".inc", twice=INCLUDED)
    return pytester


TABLE = [
    "*coverage of guest code*",
    "file*lines*branches*not reached",
    "test_cov.s      9/10         3/4      11",
    "twice.inc       2/3          0/0      6",
]


def test_a_table_of_lines_and_branch_ways(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--pffemu-cov")
    assert result.parseoutcomes()["passed"] == 3
    result.stdout.fnmatch_lines(TABLE)


def test_workers_of_xdist_send_theirs(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--pffemu-cov", "-n", "2")
    assert result.parseoutcomes()["passed"] == 3
    result.stdout.fnmatch_lines(TABLE)


def test_lcov(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("--pffemu-cov=out.info")
    records = (project.path / "out.info").read_text().split("end_of_record\n")
    own = records[0].split("\n")
    assert own[:2] == ["TN:pffemu", f"SF:{project.path / 'test_cov.s'}"]
    assert {"BRDA:7,0,1,0", "BRF:4", "BRH:3", "DA:11,0", "LF:10", "LH:9"} <= set(own)
    assert all(f"DA:{line},0" not in own for line in (5, 6, 7, 8, 9, 12, 15, 17, 18))
    assert "DA:6,0" in records[1]


def test_without_the_option_nothing_is_said(project: pytest.Pytester) -> None:
    project.runpytest_inprocess().stdout.no_fnmatch_line("*coverage of guest*")


def test_a_test_fails_under_coverage_as_it_does_without(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".s", test_f="# test: x\n# budget: 10\n# at here#3: rax == 3\n# expect: rax == 0\nhere: inc eax\njmp here\n"
    )
    plain = pytester.runpytest_inprocess().stdout.str()
    covered = pytester.runpytest_inprocess("--pffemu-cov").stdout.str()
    assert "at here#3: rax == 3: does not hold" in plain
    assert (
        plain.partition("code\n")[0].partition("FAILURES")[2] == covered.partition("code\n")[0].partition("FAILURES")[2]
    )
