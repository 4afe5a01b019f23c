"""What a judge's program says: its exit status, and how many of its checks ended in which way."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

_LTP: Final = re.compile(r"\bT(PASS|FAIL|CONF|BROK|WARN)\b")
_KTAP: Final = re.compile(r"^\s*(not )?ok\b[^#\n]*(#\s*(?:SKIP|XFAIL)\b)?", re.IGNORECASE | re.MULTILINE)
_LACKS: Final = re.compile(r"(\S[^\n]*?) at RIP 0x[0-9a-f]+ is not modelled")
_NAMES: Final = {"PASS": "pass", "FAIL": "fail", "CONF": "skip", "BROK": "broken", "WARN": "warn"}
_LTP_SKIPS, _KSFT_SKIPS = 32, 4  # exit statuses
TIMED_OUT: Final = -1


@dataclass(frozen=True)
class Outcome:
    """`status` as a shell shows it, or TIMED_OUT. `lacks`: what pffemu warned it does not model. `tail`: last lines."""

    status: int
    counts: dict[str, int] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    tail: str = ""

    @property
    def verdict(self) -> str:
        """pass, skip, fail or timeout."""
        if self.status == TIMED_OUT:
            return "timeout"
        bad = self.counts.get("fail", 0) + self.counts.get("broken", 0)
        if not bad and self.status == 0:
            return "pass"
        skips = self.counts.get("skip", 0) and self.status in (_LTP_SKIPS, _KSFT_SKIPS)
        return "skip" if not bad and (skips or self.status == _KSFT_SKIPS) else "fail"

    def agrees(self, other: Outcome) -> bool:
        return (self.status, self.counts) == (other.status, other.counts)

    def __str__(self) -> str:
        counts = " ".join(f"{count} {name}" for name, count in self.counts.items())
        return "timeout" if self.status == TIMED_OUT else f"exit {self.status}, {counts or 'no checks'}"

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "counts": self.counts, "lacks": list(self.lacks), "tail": self.tail}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Outcome:
        return cls(values["status"], values["counts"], tuple(values["lacks"]), values["tail"])


def outcome_of(status: int, text: str) -> Outcome:
    """The outcome that a program's output (LTP's or KTAP) tells."""
    found = [_NAMES[kind] for kind in _LTP.findall(text)]
    if not found:
        found = ["skip" if skip else "fail" if bad else "pass" for bad, skip in _KTAP.findall(text)]
    lacks = tuple(dict.fromkeys(_LACKS.findall(text)))
    return Outcome(status, dict(sorted(Counter(found).items())), lacks, "\n".join(text.splitlines()[-12:]))
