"""Mutated files and packets: see inputs.py. PFFEMU_FUZZ_SEED chooses others."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.campaign import rounds
from tests.fuzz.batch import resident_bytes
from tests.fuzz.inputs import CAMPAIGNS, run_one

FIRST = 1_000_000 * int(os.environ.get("PFFEMU_FUZZ_SEED", "0"))
SLOW = 30  # seconds for one input, on a loaded host
GROWTH = 1 << 30  # bytes


class TooSlow(Exception):
    """Not a PffemuError, so that nothing takes it for an answer."""


@contextmanager
def soon(what: str) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TooSlow(what)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SLOW)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_mutated_inputs(kind: str, tmp_path: Path) -> None:
    campaign, before = CAMPAIGNS[kind], resident_bytes()
    for seed in range(FIRST, FIRST + rounds(campaign.usual, campaign.long)):
        with soon(f"{kind} {seed}"):
            try:
                run_one(kind, tmp_path, seed)
            except Exception as error:
                error.add_note(f"run_one({kind!r}, folder, {seed})")
                raise
    assert resident_bytes() - before < GROWTH
