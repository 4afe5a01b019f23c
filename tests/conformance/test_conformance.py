"""Every program prints on pffemu what it prints on Linux; what differs is listed in docs/conformance.md."""

from __future__ import annotations

import pytest

from tests.conformance.compare import Verdict, compare, known_differences
from tests.conformance.program import EXPECTED, ConformanceProgram, programs

ALL = programs()


@pytest.mark.parametrize("program", ALL, ids=[program.name for program in ALL])
def test_the_same_on_linux_and_in_pffemu(program: ConformanceProgram) -> None:
    comparison = compare(program)
    if comparison.verdict is Verdict.SKIPPED:
        pytest.skip(comparison.detail)
    said = "".join(f"\n{warning}" for warning in comparison.warnings)
    assert not comparison.failed, f"{comparison.verdict.value} ({comparison.oracle})\n{comparison.detail}{said}"


def test_every_listed_difference_and_every_recording_has_its_program() -> None:
    names = {program.name for program in ALL}
    assert known_differences().keys() <= names
    assert {str(path.relative_to(EXPECTED).with_suffix("")) for path in EXPECTED.rglob("*.txt")} <= names
