"""docs/hardware-resolution.md: each test that it names as the answer to an attack is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_answers_an_attack_exists() -> None:
    page = (ROOT / "docs/hardware-resolution.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = "".join(path.read_text() for path in (ROOT / "tests/unit/kernel_model").glob("test_directed_*.py"))
    missing = {name for name in named if f"def {name}(" not in sources}
    assert len(named) > 20
    assert not missing
