"""Random instructions: budgets are exact and change nothing. `python -m tests.fuzz code` runs a million."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import code


@pytest.mark.parametrize("seed", [20, 4_000])
def test_random_instructions(seed: int, tmp_path: Path) -> None:
    assert code.run_one(tmp_path, seed) == code.SLOTS


def test_every_opcode_has_every_prefix() -> None:
    class First:
        def randbytes(self, size: int) -> bytes:
            return bytes(size)

        def random(self) -> float:
            return 1.0

    codes = {code.instruction(number, First()) for number in range(code.KINDS)}  # type: ignore[arg-type]
    assert len(codes) > 0.9 * code.KINDS  # some are the same bytes: an opcode that is a prefix
    assert bytes.fromhex("f00fba").ljust(15, b"\0") in codes
    assert bytes.fromhex("664f0f3aff").ljust(15, b"\0") in codes
