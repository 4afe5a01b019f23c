"""Mutants of the unit that no test can notice, and why: (file's stem, its line, what takes the place)."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {}
