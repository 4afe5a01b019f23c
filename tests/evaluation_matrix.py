"""The tables of docs/evaluation.md and docs/compare.md about the matrix: workloads, mechanisms, quotas, threads.

`python -m tests.evaluation_matrix matrix REPORT...` writes those of the whole matrix, `speeds REPORT...` those of a few
workloads at one scale; both from reports of `pffemu compare --json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parents[1] / "docs"
EVALUATION, COMPARE = DOCS / "evaluation.md", DOCS / "compare.md"
ONE: Final = "pff"  # what the others are compared with
QUOTA: Final = 0.25  # of the tables by workload
# workload, quota, threads
SPEEDS: Final = (
    ("kv", 0.25, 1), ("kv", 0.25, 4), ("update", 0.25, 1), ("update", 0.25, 4), ("kv", 1.0, 1), ("bfs", 0.25, 1),
    ("bfs", 0.25, 4),
)  # fmt: skip
MORE_SPEEDS: Final = (
    ("scan", 0.25, 1), ("scan", 0.25, 4), ("gc", 0.25, 1), ("gc", 0.25, 4), ("migrate", 1.0, 1), ("migrate", 1.0, 4),
)  # fmt: skip

# of docs/evaluation.md: what forwarding is compared with; by workload and quota, one thread
OTHERS: Final = ("uffd", "sigsegv", "upcall", "policy", "swizzle")
GAINS: Final = (("kv", 0.25), ("update", 0.25), ("bfs", 0.25), ("scan", 0.25), ("gc", 0.25), ("migrate", 1.0))

Key = tuple[str, float, int]  # mechanism, quota, threads
Setting = tuple[int, float]  # threads, quota
Speeds = Mapping[str, Mapping[Key, float]]  # operations a second, by workload


def speeds(reports: Iterable[Mapping[str, Any]]) -> dict[str, dict[Key, float]]:
    """Raises ValueError when an answer is wrong."""
    found: dict[str, dict[Key, float]] = {}
    for report in reports:
        workload = report["options"]["workload"]
        for run in report["runs"]:
            key = run["mechanism"], float(run["quota"]), run["threads"]
            if not run["correct"]:
                raise ValueError(f"{workload}: wrong answer under {key}")
            found.setdefault(workload, {})[key] = run["operations_per_second"]
    return found


def settings(found: Speeds) -> list[Setting]:
    """Those under which every workload has run."""
    of = [{(threads, quota) for _, quota, threads in one} for one in found.values()]
    return sorted(set.intersection(*of))


def by_setting(found: Speeds) -> str:
    """Geometric means over the workloads: a row a mechanism, a column a number of threads and a quota."""
    rows = {
        mechanism: [
            exp(sum(log(_ratio(one, (mechanism, quota, threads))) for one in found.values()) / len(found))
            for threads, quota in settings(found)
        ]
        for mechanism in mechanisms(found)
    }
    return _numbers("threads, quota", [f"{threads}, {quota:g}" for threads, quota in settings(found)], rows)


def by_workload(found: Speeds, threads: int) -> str:
    """A row a mechanism, a column a workload."""
    rows = {
        mechanism: [_ratio(one, (mechanism, QUOTA, threads)) for one in found.values()]
        for mechanism in mechanisms(found)
    }
    return _numbers(f"{threads} thread{'s' if threads > 1 else ''}", list(found), rows)


def fastest(found: Speeds) -> str:
    """A row a workload, a column a number of threads and a quota: the mechanism with most operations a second."""
    shown = _ends(settings(found))
    headings = " | ".join(f"{threads}, {quota:g}" for threads, quota in shown)
    lines = [f"| threads, quota | {headings} |", "|---" * (len(shown) + 1) + "|"]
    for workload, one in found.items():
        best = [
            max((speed, key[0]) for key, speed in one.items() if key[1:] == (quota, threads))[1]
            for threads, quota in shown
        ]
        lines.append(f"| {workload} | {' | '.join(best)} |")
    return "\n".join(lines) + "\n"


def _ends(all_of_them: Sequence[Setting]) -> list[Setting]:
    """Fewest and most threads with the smallest and the largest quota."""
    threads, quotas = ({one[at] for one in all_of_them} for at in (0, 1))
    ends = [(number, quota) for number in (min(threads), max(threads)) for quota in (min(quotas), max(quotas))]
    return list(dict.fromkeys(end for end in ends if end in all_of_them))


def mechanisms(found: Speeds) -> list[str]:
    return list(dict.fromkeys(name for one in found.values() for name, _, _ in one))


def gains(found: Speeds) -> str:
    """How many times as many operations forwarding makes: a row a workload, a column another mechanism; one thread."""
    lines = [f"| | {' | '.join(f'{ONE} over {name}' for name in OTHERS)} |", "|---|" + "---:|" * len(OTHERS)]
    for workload, quota in GAINS:
        of = found[workload]
        cells = [f"{of[ONE, quota, 1] / of[name, quota, 1]:.2f}x" for name in OTHERS]
        lines.append(f"| {workload}{', all in memory' if quota == 1 else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def in_millions(found: Speeds, columns: Sequence[tuple[str, float, int]]) -> str:
    """M operations a second: a row a mechanism, the fastest of the first column first."""
    names = sorted(mechanisms(found), key=lambda name: -found[columns[0][0]][name, *columns[0][1:]])
    headings = [
        f"{workload}, {'' if quota < 1 else 'all in memory, '}{threads} thread{'s' if threads > 1 else ''}"
        for workload, quota, threads in columns
    ]
    rows = {
        f"`{name}`": [found[workload][name, quota, threads] / 1e6 for workload, quota, threads in columns]
        for name in names
    }
    return _numbers("", headings, rows)


def tables(found: Speeds, told: str) -> dict[str, str]:
    """Of docs/evaluation.md, by the marker on the page. `told`: what was run."""
    threads = dict.fromkeys(number for number, quota in _ends(settings(found)) if (number, QUOTA) in settings(found))
    return {
        "matrix": f"{told} Every answer and file is right.\n\n{by_setting(found)}",
        "matrix workloads": "\n".join(by_workload(found, number) for number in threads),
        "matrix fastest": fastest(found),
    }


def summary(found: Speeds, reports: Sequence[Mapping[str, Any]]) -> str:
    """One sentence: what was run."""
    scale = " and ".join(str(scale) for scale in sorted({report["options"]["scale"] for report in reports}))
    runs = sum(map(len, found.values()))
    return f"{runs:,} runs at scale {scale}: {len(found)} workloads, {len(mechanisms(found))} mechanisms."


def _ratio(one: Mapping[Key, float], key: Key) -> float:
    return one[key] / one[ONE, key[1], key[2]]


def _numbers(first: str, headings: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    lines = [f"| {first} | {' | '.join(headings)} |", "|---|" + "---:|" * len(headings)]
    lines += [f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |" for name, cells in rows.items()]
    return "\n".join(lines) + "\n"


def tables_to_compare(found: Speeds) -> dict[str, str]:
    """Of docs/compare.md, by the marker on the page."""
    return {"speeds": in_millions(found, SPEEDS), "more speeds": in_millions(found, MORE_SPEEDS)}


def write(page: Path, made: Mapping[str, str]) -> None:
    text = page.read_text(encoding="utf-8")
    for marker, table in made.items():
        begin, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    what, *names = sys.argv[1:]
    read = [json.loads(Path(name).read_text(encoding="utf-8")) for name in names]
    measured = speeds(read)
    if what == "matrix":
        write(EVALUATION, tables(measured, summary(measured, read)))
    else:
        write(COMPARE, tables_to_compare(measured))
        write(EVALUATION, {"gains": gains(measured)})
