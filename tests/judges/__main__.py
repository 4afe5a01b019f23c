"""`python -m tests.judges [--ltp TREE] [--selftests TREE] [--results FILE] [--jobs N] [--again] [--built] [NAME...]`.

NAME: JUDGE/FAMILY or JUDGE/FAMILY/CASE. Prints a table and what the list of known differences does not say. FILE keeps
the outcomes: native ones are taken from it, others too unless --again; it is written after each program.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.judges import ltp, run, selftests
from tests.judges.known import KNOWN, Result, read_known, surprises
from tests.judges.outcome import Outcome
from tests.judges.program import Program

JUDGES = {"ltp": ltp, "selftests": selftests}


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    kept = Kept(options.results)
    programs = list(_chosen(options))
    if not programs:
        print("no programs: name the judges' trees, LTP=... or SELFTESTS=...", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda program: _judge(program, kept, options.again), programs))
    console = Console(highlight=False, width=160)
    console.print(_table(results))
    known = read_known()
    wrong = surprises(results, {name: reason for name, reason in known.items() if _wanted(name, options.names)})
    for line in wrong:
        console.print(escape(line))
    if wrong:
        console.print(f"{len(wrong)} not as {KNOWN.name} says")
    return int(bool(wrong))


class Kept:
    """Outcomes by name and place ("native", "here"), in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, Lock()
        self._found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, name: str, where: str) -> Outcome | None:
        values = self._found.get(name, {}).get(where)
        return None if values is None else Outcome.from_json(values)

    def put(self, name: str, where: str, outcome: Outcome) -> Outcome:
        with self._lock:
            self._found.setdefault(name, {})[where] = outcome.as_json()
            if self._path is not None:
                self._path.write_text(json.dumps(self._found, indent=1))
        return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.judges")
    parser.add_argument("--ltp", type=Path, help="a checked-out tree of LTP")
    parser.add_argument("--selftests", type=Path, help="a checked-out tree of Linux")
    parser.add_argument("--results", type=Path, help="keep the outcomes in this file")
    parser.add_argument("--again", action="store_true", help="run in pffemu also what the file has")
    parser.add_argument("--built", action="store_true", help="do not build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser


def _chosen(options: argparse.Namespace) -> Iterator[Program]:
    for name, judge in JUDGES.items():
        tree: Path | None = getattr(options, name)
        families = [one for one in judge.FAMILIES if _overlaps(f"{name}/{one}", options.names)]
        if tree is not None:
            if not options.built:
                judge.build(tree.resolve(), families)
            for program in judge.programs(tree.resolve(), families):
                if _wanted(program.name, options.names):
                    yield program


def _overlaps(family: str, names: list[str]) -> bool:
    return not names or any(f"{name}/".startswith(f"{family}/") or family == name for name in names)


def _wanted(name: str, names: list[str]) -> bool:
    return not names or any(name == one or name.startswith(f"{one}/") for one in names)


def _judge(program: Program, kept: Kept, again: bool) -> Result:
    native = kept.get(program.name, "native")
    if native is None:
        native = kept.put(program.name, "native", run.natively(program))
    here = None if again else kept.get(program.name, "here")
    if here is None:
        here = kept.put(program.name, "here", run.in_pffemu(program))
    return Result(program.name, native, here)


def _table(results: list[Result]) -> Table:
    table = Table("family", "programs", "pass natively", "of these here", "skipped natively", "same", "different")
    families = dict.fromkeys(result.family for result in results)
    for family in (*families, "all"):
        rows = [result for result in results if family in ("all", result.family)]
        native = Counter(row.native.verdict for row in rows)
        both = sum(row.native.verdict == row.here.verdict == "pass" for row in rows)
        same = sum(row.same for row in rows)
        table.add_row(family, *map(str, (len(rows), native["pass"], both, native["skip"], same, len(rows) - same)))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
