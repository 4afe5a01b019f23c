"""How much of a random test is run: some by `make test`, more by `make check-long` (PFFEMU_LONG=1)."""

from __future__ import annotations

import os

LONG = os.environ.get("PFFEMU_LONG", "") not in ("", "0")


def rounds(usual: int, long: int) -> int:
    """So many of `usual`, or `long`."""
    return long if LONG else usual
