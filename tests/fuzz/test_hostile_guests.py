"""Random system calls do no harm. `python -m tests.fuzz` makes a hundred thousand; here are some of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pffemu.asm import Program
from tests.fuzz.batch import run_batch, watched
from tests.fuzz.guest import program


@pytest.fixture(scope="module")
def guest() -> Program:
    return program()


@pytest.mark.parametrize("seed", range(0, 80, 10))
def test_random_system_calls(guest: Program, seed: int) -> None:
    batches = [run_batch(guest, seed + i) for i in range(10)]
    assert sum(batch.calls for batch in batches) > 1000
    assert sum(batch.succeeded for batch in batches) > 100
    assert max(batch.seconds for batch in batches) < 30


def test_the_same_seed_does_the_same(guest: Program) -> None:
    first, second = (run_batch(guest, 7) for _ in range(2))
    assert (first.calls, first.succeeded, first.ended) == (second.calls, second.succeeded, second.ended)


def test_the_watch_sees_a_file_outside(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with watched(str(tmp_path)), pytest.raises(AssertionError, match="open of"):
        os.open("/etc/passwd", os.O_RDONLY)
    with watched(str(tmp_path)):
        directory = os.open(tmp_path, os.O_RDONLY)
        os.close(os.open("f", os.O_RDONLY, dir_fd=directory))
        os.close(directory)
