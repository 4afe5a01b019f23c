"""What was measured, and whether it is good enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """`target` None: for information. `at_least`: the value must reach it; otherwise it must stay below."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value < self.target

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def table(results: list[Result]) -> Table:
    """One row a result."""
    rows = Table(header_style="bold")
    for heading, side in (("measured", "left"), ("value", "right"), ("target", "right"), ("", "left"), ("", "left")):
        rows.add_column(heading, justify=side)  # type: ignore[arg-type]
    for result in results:
        sign = ">=" if result.at_least else "<"
        target = "" if result.target is None else f"{sign} {result.target:g} {result.unit}"
        verdict = "" if result.target is None else "[green]met[/]" if result.met else "[bold red]MISSED[/]"
        rows.add_row(result.name, f"{result.value:.3g} {result.unit}", target, verdict, result.note)
    return rows
