"""The matrix of docs/evaluation.md: its tables from reports, and that the pages have what `make evaluation` fills."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.evaluation_matrix import (
    COMPARE,
    EVALUATION,
    GAINS,
    OTHERS,
    by_setting,
    fastest,
    gains,
    in_millions,
    speeds,
    summary,
    tables,
)

SPEEDS: Final = {  # M operations a second of one thread
    workload: {name: 1.0 if workload == "kv" else 2.0 for name in OTHERS} | {"pff": 4.0 if workload == "kv" else 2.0}
    for workload, _ in GAINS
}


def reports(*, correct: bool = True) -> list[dict[str, Any]]:
    return [
        {
            "options": {"workload": workload, "scale": 9},
            "runs": [
                {
                    "mechanism": name, "quota": quota, "threads": threads, "correct": correct,
                    "operations_per_second": speed * threads * 1e6,
                }
                for name, speed in of.items() for quota in (0.1, 0.25, 1) for threads in (1, 16)
            ],
        }
        for workload, of in SPEEDS.items()
    ]  # fmt: skip


def test_means_are_geometric_and_relative() -> None:
    rows = by_setting(speeds(reports())).splitlines()
    assert rows[0] == "| threads, quota | 1, 0.1 | 1, 0.25 | 1, 1 | 16, 0.1 | 16, 0.25 | 16, 1 |"
    assert rows[2] == "| uffd |" + " 0.79 |" * 6  # the sixth root of a quarter
    assert rows[-1] == "| pff |" + " 1.00 |" * 6
    assert "| kv | pff | pff | pff | pff |" in fastest(speeds(reports()))
    assert "| kv | 4.00x | 4.00x | 4.00x | 4.00x | 4.00x |" in gains(speeds(reports()))


def test_a_wrong_answer_is_not_averaged() -> None:
    with pytest.raises(ValueError, match="kv: wrong answer under"):
        speeds(reports(correct=False))


def test_speeds_are_in_millions_and_the_fastest_is_first() -> None:
    rows = in_millions(speeds(reports()), (("kv", 0.25, 1), ("scan", 1.0, 16))).splitlines()
    assert rows[0] == "|  | kv, 1 thread | scan, all in memory, 16 threads |"
    assert rows[2:4] == ["| `pff` | 4.00 | 32.00 |", "| `uffd` | 1.00 | 32.00 |"]


def test_the_pages_have_the_tables() -> None:
    found = speeds(reports())
    made = tables(found, summary(found, reports()))
    assert made["matrix"].startswith("216 runs at scale 9: 6 workloads, 6 mechanisms. Every")
    assert made["matrix workloads"].count("| pff |") == 2  # 1 and 16 threads
    for page, markers in ((EVALUATION, [*made, "gains"]), (COMPARE, ["speeds", "more speeds"])):
        text = page.read_text(encoding="utf-8")
        for marker in markers:
            assert f"<!-- {marker} -->\n" in text
            assert f"<!-- /{marker} -->" in text
