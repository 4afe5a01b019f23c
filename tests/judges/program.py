"""One program of a judge: where it lies, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """`name`: JUDGE/FAMILY/CASE. `path`: the binary, inside `tree`, whose files it may need."""

    name: str
    path: Path
    tree: Path
    arguments: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        return self.name.rpartition("/")[0]
