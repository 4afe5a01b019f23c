"""The table in docs/performance.md: `make bench` writes the rows it has measured, and leaves the others as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.bench.result import COLUMNS, Result

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_BEGIN, _END = "<!-- table: written by make bench -->\n", "<!-- end of table -->\n"


def write(results: list[Result]) -> None:
    """Replace the rows of `results`; rows that the page does not have yet go to the end."""
    before, rest = PAGE.read_text().split(_BEGIN)
    old, after = rest.split(_END)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in old.splitlines()[2:]}
    rows |= {result.what: _row(result.cells()) for result in results}
    lines = [_row(COLUMNS), _row(("---", "---:", "---:", "---:", "---", "---")), *rows.values()]
    PAGE.write_text(before + _BEGIN + "".join(f"{line}\n" for line in lines) + _END + after)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
