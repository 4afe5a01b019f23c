"""Short forms of the campaigns killed_writers.py and replay.py; PFFEMU_LONG=1: the long ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.campaign import LONG, rounds
from tests.fuzz.killed_writers import WRITERS, kill_everywhere
from tests.fuzz.replay import PROGRAMS, VARIATIONS, trace_hash

PLACES = rounds(6, 100)


@pytest.mark.parametrize("writer", WRITERS)
def test_killed_writers_lose_nothing(writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFFEMU_GRAPH_CACHE", str(tmp_path))
    assert kill_everywhere(writer, tmp_path, PLACES) >= PLACES // 2


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("program", range(len(PROGRAMS)) if LONG else (1,))
def test_the_host_does_not_show(program: int, tmp_path: Path) -> None:
    variations = VARIATIONS if LONG else VARIATIONS[1:3]
    hashes = [trace_hash(program, variation, tmp_path) for variation in variations]
    assert len(set(hashes)) == 1
