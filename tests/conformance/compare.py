"""One program's verdict: built, run on the oracle and in pffemu, compared."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

from guest.c_compiler import NO_C_COMPILER
from tests.conformance import outcome
from tests.conformance.outcome import Outcome
from tests.conformance.program import ConformanceProgram, build, compiler

DIFFERENCES: Final = Path(__file__).parent.parent.parent / "docs" / "conformance.md"
_TRIES: Final = 3  # until the host does what it did when it was recorded
_NO_COMPILER: Final = (NO_C_COMPILER, "no rustc: install Rust with the target x86_64-unknown-linux-gnu")
_ROW: Final = re.compile(r"^\| `([a-z0-9_]+/[a-z0-9_]+)` \| (.+) \|$")


class Verdict(Enum):
    SAME = "same"
    KNOWN = "known difference"
    DIFFERENT = "DIFFERENT"
    VANISHED = "VANISHED: listed in docs/conformance.md, but the same"
    STALE = "STALE: the recording is not what this host does"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Comparison:
    program: ConformanceProgram
    verdict: Verdict
    oracle: str  # "host" or "recorded"
    detail: str = ""  # a diff, or why it was skipped
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.verdict in (Verdict.DIFFERENT, Verdict.VANISHED, Verdict.STALE)


@cache
def known_differences() -> dict[str, str]:
    """program -> reason, from the table in docs/conformance.md."""
    rows = (_ROW.match(line) for line in DIFFERENCES.read_text().splitlines())
    return {row[1]: row[2] for row in rows if row}


def compare(program: ConformanceProgram, *, record: bool = False) -> Comparison:
    """Run `program` on both sides. `record`: write down what the host does. Raises BuildError."""
    if compiler(program.path.suffix) is None:
        return Comparison(program, Verdict.SKIPPED, "", _NO_COMPILER[program.path.suffix == ".rs"])
    binary = build(program)
    use_host = outcome.is_reference_host() and all(map(outcome.host_offers, program.needs))
    wanted = outcome.recorded(program)
    if use_host:
        host = _ask_host(program, binary, None if record else wanted)
        if record:
            outcome.record(program, host)
        elif wanted != host.text():
            detail = "record it: make conformance RECORD=1" if wanted is None else _diff(wanted, host.text(), "host")
            return Comparison(program, Verdict.STALE, "host", detail)
        wanted = host.text()
    if wanted is None:
        return Comparison(program, Verdict.SKIPPED, "", "no recording, and this host cannot run it")
    return _judge(program, wanted, outcome.in_pffemu(program, binary), "host" if use_host else "recorded")


def _ask_host(program: ConformanceProgram, binary: Path, wanted: str | None) -> Outcome:
    """The host's outcome. On a busy host, threads may run in an unusual order: then it is asked again."""
    for _ in range(_TRIES - 1):
        host = outcome.on_host(program, binary)
        if wanted is None or host.text() == wanted:
            return host
    return outcome.on_host(program, binary)


def _judge(program: ConformanceProgram, wanted: str, ours: Outcome, oracle: str) -> Comparison:
    listed = program.name in known_differences()
    if wanted == ours.text():
        return Comparison(program, Verdict.VANISHED if listed else Verdict.SAME, oracle, warnings=ours.warnings)
    verdict = Verdict.KNOWN if listed else Verdict.DIFFERENT
    return Comparison(program, verdict, oracle, _diff(wanted, ours.text(), "pffemu"), ours.warnings)


def _diff(wanted: str, got: str, name: str) -> str:
    lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), "expected", name, lineterm="", n=1)
    return "\n".join(lines)
