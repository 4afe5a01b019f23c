"""Tests in C of a project's own sources: they are compiled and linked, and nothing outside the project is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu.errors import PffemuError
from pffemu.testing.c_project import project_folder
from pffemu.testing.cases import build, read_cases

TEST = """#include "sum.h"
// sources: ../src/sum.c
// includes: ../include
// test: the project's function is called
// expect: eax == 7 and calls == 1
int test_sum(void) { return sum(3, 4); }
"""
SOURCE = """#include "sum.h"
int calls;
int sum(int a, int b) { calls++; return a + b; }
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    for name, text in {
        "pytest.ini": "", "src/sum.c": SOURCE,
        "include/sum.h": "extern int calls;\nint sum(int a, int b);\n", "tests/test_sum.c": TEST,
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "tests"


@pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)
def test_other_sources_are_compiled_and_linked(tests: Path) -> None:
    from pffemu.testing.runner import run_block, run_whole, start
    from pffemu.testing.verify import verify

    (case,) = read_cases(TEST, "test_sum.c", tests)
    run = start(case)
    run_block(run, run_whole)
    verify(run)
    assert not run.failures
    (tests.parent / "src" / "sum.c").write_text("int calls = wrong;\n")
    with pytest.raises(PffemuError) as caught:
        build(case)
    assert caught.value.where == f"{tests.parent}/src/sum.c:1"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("// sources: ../../other.c", "is not in the project"), ("// sources: /etc/passwd", "is not in the project"),
        ("// includes: /etc", "is not in the project"), ("// sources: ../src/none.c", "no C file"),
        ("// sources: ../include", "no C file"), ("// includes: ../none", "no folder"), ("// sources:", "which?"),
    ],
)  # fmt: skip
@pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)
def test_what_is_not_of_the_project_is_one_error(tests: Path, line: str, what: str) -> None:
    with pytest.raises(PffemuError, match=what) as caught:
        build(read_cases(TEST.replace("// sources: ../src/sum.c", line), "test_sum.c", tests)[0])
    assert caught.value.where == "test_sum.c:2"


def test_a_project_is_the_nearest_folder_with_a_mark(tests: Path, tmp_path: Path) -> None:
    assert project_folder(tests) == tmp_path.resolve()
    (tests / "setup.cfg").write_text("")
    assert project_folder(tests) == tests.resolve()
