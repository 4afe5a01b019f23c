"""make conformance: the table. `python -m tests.conformance [--record] [NAME...]`, NAME a topic or program."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.conformance.compare import Comparison, Verdict, compare, known_differences
from tests.conformance.program import BuildError, ConformanceProgram, programs


def main(arguments: list[str]) -> int:
    record = "--record" in arguments
    wanted = [argument for argument in arguments if not argument.startswith("-")]
    chosen = [program for program in programs() if _matches(program, wanted)]
    console = Console(highlight=False)
    done: list[Comparison] = []
    with ProcessPoolExecutor(2) as pool:
        for comparison in pool.map(_compare, chosen, [record] * len(chosen)):
            done.append(comparison)
            if comparison.verdict is not Verdict.SAME:
                console.print(f"{comparison.program.name}: {escape(comparison.verdict.value)}")
                for text in (comparison.detail, *comparison.warnings):
                    console.print(escape(text), style="dim")
    console.print(_table(done))
    for name, reason in known_differences().items():
        console.print(f"known: {name}: {escape(reason)}")
    return int(any(comparison.failed for comparison in done))


def _compare(program: ConformanceProgram, record: bool) -> Comparison:
    try:
        return compare(program, record=record)
    except BuildError as error:
        return Comparison(program, Verdict.DIFFERENT, "", str(error))


def _matches(program: ConformanceProgram, wanted: list[str]) -> bool:
    return not wanted or program.name in wanted or program.topic in wanted


def _table(done: list[Comparison]) -> Table:
    table = Table("topic", "programs", "same", "known", "failed", "skipped", "oracle")
    topics: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in done:
        topics[comparison.program.topic].append(comparison)
    for topic, rows in [*sorted(topics.items()), ("all", done)]:
        verdicts = Counter(row.verdict for row in rows)
        counts = (
            len(rows), verdicts[Verdict.SAME], verdicts[Verdict.KNOWN], sum(row.failed for row in rows),
            verdicts[Verdict.SKIPPED],
        )  # fmt: skip
        table.add_row(topic, *map(str, counts), ", ".join(sorted({row.oracle for row in rows if row.oracle})))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
