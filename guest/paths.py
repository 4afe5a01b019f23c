"""Paths of the guests' sources and include files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ASM: Final = Path(__file__).parent / "asm"
INCLUDE: Final = Path(__file__).parent / "include"
