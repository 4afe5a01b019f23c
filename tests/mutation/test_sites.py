"""The places that `python -m tests.mutation.sample` bends."""

from __future__ import annotations

import ast

from tests.mutation import run, sample
from tests.mutation.mutants import MUTANTS
from tests.mutation.sites import applied, sites

SOURCE = '''
LIMIT: int = 5

def f(a: int = 3) -> int:
    """Text, with ü."""
    if a < 2 and a != 1:
        self.x = a << 1
    b: int | None = a
    return a + 1
'''


def test_each_step_of_a_function_is_bent_once() -> None:
    found = {(SOURCE.encode()[site.start : site.end].decode(), site.new) for site in sites(SOURCE)}
    assert {
        ("a < 2", "(a <= 2)"), ("a != 1", "(a == 1)"), ("a < 2 and a != 1", "(a < 2 or a != 1)"),
        ("a < 2 and a != 1", "(not (a < 2 and a != 1))"), ("self.x = a << 1", "pass"), ("a << 1", "(a >> 1)"),
        ("a + 1", "(a - 1)"), ("2", "3"), ("1", "2"),
    } == found  # fmt: skip
    for site in sites(SOURCE):
        assert ast.unparse(ast.parse(applied(SOURCE, site))) != ast.unparse(ast.parse(SOURCE))


def test_every_row_of_the_table_fits_the_sources() -> None:
    assert [run.described(mutant) for mutant in MUTANTS if not run.fits(mutant)] == []


def test_the_interval_of_a_rate() -> None:
    low, high = sample.interval(95, 100)
    assert round(low, 3) == 0.888
    assert round(high, 3) == 0.978
