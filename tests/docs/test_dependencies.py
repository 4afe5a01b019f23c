"""docs/dependencies.md names every package of requirements.lock with its licence."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_of_the_lock_has_a_licence() -> None:
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    licences = (ROOT / "docs" / "dependencies.md").read_text().partition("## Licences")[2]
    assert len(locked) > 40
    assert not [name for name in locked if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", licences)]
