"""Tables of a comparison on narrow terminals: whole numbers, and a line that names what is left out."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from pffemu.report.compare_table import compare_tables

RUN: dict[str, Any] = {
    "mechanism": "uffd-sigbus", "quota": 0.25, "threads": 4, "cores": 5, "operations_per_second": 123_456_789,
    "operations_per_core_second": 24_691_357, "core_seconds": 0.123, "misses": {"count": 1_234_567, "p50": 16_067,
    "p99": 17_908, "p99.9": 17_909}, "cache": {"evictions": 7_654_321, "writebacks": 5}, "correct": True,
    "measured": {"kernel_entries": 3_333_333, "context_switches": 44, "tlb_flushes": 55, "ipis": 66},
}  # fmt: skip
STEP: dict[str, Any] = {"hit": 0.0, "fill": 15_058, "evict": 1_016, "write_back": 2_129, "lines": 187}
REPORT = {"options": {"workload": "kv", "scale": 9}, "steps": {"uffd-sigbus": STEP}, "runs": [RUN, RUN]}


@pytest.mark.parametrize("width", [40, 80, 120, 400])
def test_no_number_is_cut_and_what_is_missing_is_named(width: int) -> None:
    shown = compare_tables(REPORT, width)
    console = Console(width=width, file=io.StringIO())
    for one in shown:
        console.print(one, markup=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert max(map(len, text.split("\n"))) <= width
    headings = [str(column.header) for one in shown if isinstance(one, Table) for column in one.columns]
    named = [
        word
        for one in shown
        if isinstance(one, str)
        for word in one.removeprefix("Left out: ").split(" (")[0].split(", ")
    ]
    assert len(headings) + len(named) == 9 + 18
    assert not set(named) & set(headings[1:])
    assert bool(named) is (width < 200)


def test_the_conclusion_is_among_what_eighty_columns_show() -> None:
    *_, runs, _ = compare_tables(REPORT, 80)
    assert isinstance(runs, Table)
    shown = [str(column.header) for column in runs.columns]
    assert {"mechanism", "quota", "threads", "M op/s", "p50", "answer"} <= set(shown)
