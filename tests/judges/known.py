"""The list of known differences: known.txt, a line each, `JUDGE/FAMILY/CASE reason`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.judges.outcome import Outcome

KNOWN: Final = Path(__file__).with_name("known.txt")


@dataclass(frozen=True)
class Result:
    """One program's two outcomes."""

    name: str
    native: Outcome
    here: Outcome

    @property
    def family(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def same(self) -> bool:
        """Both pass or skip; or both say exactly the same."""
        settled = self.native.verdict in ("pass", "skip") and self.native.verdict == self.here.verdict
        return settled or self.native.agrees(self.here)


def read_known(path: Path = KNOWN) -> dict[str, str]:
    """Case -> reason. Raises ValueError for a line without a reason."""
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise ValueError(f"{path}: {name} has no reason")
            known[name] = reason.strip()
    return known


def surprises(results: list[Result], known: dict[str, str]) -> list[str]:
    """What the list does not say: a line for each new difference, and for each known one that is none any more.

    A native run that timed out says nothing about either.
    """
    lines = []
    for result in results:
        if result.native.verdict == "timeout":
            continue
        if result.same and result.name in known:
            lines.append(f"{result.name}: the same now; known.txt says: {known[result.name]}")
        elif not result.same and result.name not in known:
            lacks = f" [{'; '.join(result.here.lacks)}]" if result.here.lacks else ""
            lines.append(f"{result.name}: natively {result.native}; here {result.here}{lacks}")
    return lines
