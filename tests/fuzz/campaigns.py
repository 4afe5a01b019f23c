"""All campaigns by name: what one case is, and how many of them Done asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz import batch, code, guest, inputs, killed_writers, replay, snapshots


@dataclass(frozen=True)
class Campaign:
    """`run(folder, seed)` tries a case and returns how many `units` it was; it raises what must not be raised."""

    run: Callable[[Path, int], int]
    units: str
    enough: int  # units


def _calls(_folder: Path, seed: int) -> int:
    return batch.run_batch(guest.program(), seed).calls


def _packets(folder: Path, seed: int) -> int:
    inputs.run_one("packets", folder, seed)
    return inputs.PACKETS


def _input(kind: str, folder: Path, seed: int) -> int:
    inputs.run_one(kind, folder, seed)
    return 1


def _snapshot(folder: Path, seed: int) -> int:
    snapshots.run_one(folder, seed)
    return 1


CAMPAIGNS: Final = {
    "code": Campaign(code.run_one, "instructions", 1_000_000),
    "calls": Campaign(_calls, "system calls", 100_000),
    "elf": Campaign(partial(_input, "elf"), "files", 10_000),
    "packets": Campaign(_packets, "packets", 100_000),
    "snapshots": Campaign(_snapshot, "files", 10_000),
    "sources": Campaign(partial(_input, "sources"), "files", 3_000),
    "directives": Campaign(partial(_input, "directives"), "files", 5_000),
    "profiles": Campaign(partial(_input, "profiles"), "files", 2_000),
    "reports": Campaign(partial(_input, "reports"), "files", 5_000),
    "writers": Campaign(killed_writers.run_one, "kills", 300),
    "replay": Campaign(replay.run_one, "runs", 60),
}
