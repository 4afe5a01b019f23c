"""Every directive: a block that passes with it, and one that fails and says why."""

from __future__ import annotations

import pytest

from tests.testing.blocks import ROWS, Row, file_of

pytest_plugins = "pytester"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.directive)
def test_a_block_that_keeps_its_claim_passes(pytester: pytest.Pytester, row: Row) -> None:
    pytester.makefile(".s", test_row=file_of(row.passing))
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    outcomes = result.parseoutcomes()
    assert outcomes.pop("passed") >= 1, result.stdout
    assert not outcomes


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.directive)
def test_a_block_that_breaks_its_claim_says_what_was_found(pytester: pytest.Pytester, row: Row) -> None:
    pytester.makefile(".s", test_row=file_of(row.failing))
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    assert result.parseoutcomes().get("passed", 0) <= (row.directive.startswith("param"))
    result.stdout.fnmatch_lines([f"*{piece}*" for piece in row.message.split("*")])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
