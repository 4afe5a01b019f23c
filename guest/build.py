"""Assemble the guests that come with pffemu."""

from __future__ import annotations

from functools import cache

from guest.paths import ASM, INCLUDE
from pffemu.asm import Program, assemble

__all__ = ["ASM", "INCLUDE", "guest"]


@cache
def guest(name: str) -> Program:
    """The guest `guest/asm/NAME.s`, assembled once."""
    path = ASM / f"{name}.s"
    return assemble(path.read_text(encoding="utf-8"), file=str(path), include_dirs=(ASM, INCLUDE))
