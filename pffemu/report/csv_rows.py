"""A benchmark's JSON as flat rows for spreadsheets, one a run: its identification, then its numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LATENCY: Final = ("faults", "min", "median", "p99", "max", "mean")


def rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a report of `bench fault`, `bench bfs` or `bench ioctl`, or of all points of a sweep."""
    if "points" in report:
        return [
            {**{f"vary_{name}": value for name, value in point["values"].items()}, **row}
            for point in report["points"]
            for row in rows(point["report"])
        ]
    options = {
        name: "+".join(map(str, value)) if isinstance(value, list) else value
        for name, value in report["options"].items()
    }
    head = {"version": report["version"], "command": report["command"], **options}
    return [{**head, **_flat(run)} for run in report["runs"]]


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in run.items() if not isinstance(value, dict | list)}
    for path, latency in run.get("latency", {}).items():
        flat |= {f"latency_{path}_{name}": latency[name] for name in _LATENCY}
    flat |= {f"time_{name}": value for name, value in run.get("time", {}).items()}
    for path, parts in run.get("parts", {}).items():
        flat |= {f"parts_{path}_{name}": value for name, value in parts.items()}
    if run.get("ioctl"):
        flat |= {f"stage_{name}": value for name, value in run["stages"].items()}
    return flat


def to_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV, with a header of all columns in the order of first use."""
    columns = list(dict.fromkeys(name for row in table for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()
