"""What was measured, and whether it is good enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One row. `target`: the figure must not be above it; None: for information. `figure` None: `note` says why.

    `limit`: what cannot be beaten, for want of a faster engine, host or Python; `note` says what it is.
    """

    what: str
    figure: float | None
    unit: str
    target: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "no figure"
        if self.target is None:
            return ""
        return "met" if self.figure <= self.target else "missed"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}

    def cells(self) -> tuple[str, ...]:
        """what, target, figure, limit, verdict, note."""
        numbers = (
            "" if number is None else f"{number:.3g} {self.unit}" for number in (self.target, self.figure, self.limit)
        )
        return (self.what, *numbers, self.verdict, self.note)


COLUMNS = ("what", "target", "figure", "limit", "verdict", "note")
_COLOURS = {"met": "green", "missed": "bold red", "no figure": "yellow"}


def table(results: list[Result]) -> Table:
    """One row a result."""
    rows = Table(header_style="bold")
    for heading in COLUMNS:
        rows.add_column(heading, justify="right" if heading in ("target", "figure", "limit") else "left")
    for result in results:
        cells = list(result.cells())
        if result.verdict:
            cells[4] = f"[{_COLOURS[result.verdict]}]{result.verdict}[/]"
        rows.add_row(*cells)
    return rows
