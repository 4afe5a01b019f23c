"""Every bad directive of a file is a failing test of its own, in one run, and sound blocks run."""

from __future__ import annotations

import pytest

from pffemu.testing.whole_file import read_whole_file

pytest_plugins = "pytester"

BAD = """# test: one
# expekt: rax == 1
    mov eax, 1
# test: two
# expect: rax == 2
    mov eax, 2
# test: three
# expect: rax ==
# map: buf 1000 rw
    mov eax, 2
# test: two
# expect: rax == 2
    mov eax, 2
# test: four
    nop
# test: five
# expect: rax == 2
    mov eax, 2   # exepct: rax == 2
"""


def test_all_errors_are_found_at_once_and_sound_blocks_are_left() -> None:
    found = read_whole_file(BAD, "test_x.s")
    assert [line for line, _ in found.errors] == [2, 8, 9, 11, 14, 18]
    assert [error.where for _, error in found.errors] == [f"test_x.s:{line}" for line, _ in found.errors]
    assert [case.id for case in found.cases] == ["two"]


def test_an_error_above_the_first_block_leaves_no_test() -> None:
    found = read_whole_file(f"# forwrd: on\n{BAD}", "test_x.s")
    assert [line for line, _ in found.errors][:2] == [1, 3]
    assert found.cases == []


@pytest.mark.parametrize("source", ["# test: x\n# expect: rax == 0\nnop\n", "# nothing\n"])
def test_a_sound_file_is_as_it_was(source: str) -> None:
    assert read_whole_file(source, "test_x.s").errors == []


def test_pytest_shows_each_of_them(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_bad=BAD)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=6, passed=1)
    result.stdout.fnmatch_lines(["*test_bad.s:8: # expect: 'rax ==' is not an expression*", "*test_bad.s:18: unknown*"])
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "test_bad.s::two")
    result.assert_outcomes(passed=1)
