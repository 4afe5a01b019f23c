"""Runs cases and finds the one that ended the driver early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.oracle.cases import Case
from tests.oracle.driver import CHUNK

Runner = Callable[[Sequence[Case], int], tuple[list[bytes], str]]


def run_all(runner: Runner, cases: Sequence[Case]) -> list[bytes | str]:
    """For each case its record, or in what way it ended the driver."""
    found: list[bytes | str] = []
    while len(found) < len(cases):
        results, ended = runner(cases[len(found) :], CHUNK)
        found += results
        if not ended:
            break
        rest = cases[len(found) : len(found) + CHUNK]
        results, why = runner(rest, 1)
        found += results
        if len(results) < len(rest):
            found.append(why or "the driver ends early")
        elif rest:
            found[-1] = f"{ended}, only behind other cases"
    return found
