"""Pane: a core's general registers and flags; what changed since `before` is highlighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.text import Text

from pffemu.arch import rflags
from pffemu.arch.registers import GENERAL
from pffemu.debug.panes import NAME, NEW, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.machine.symbols import SymbolTable

SHOWN = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
_NAME: Final = 4  # columns
_CELL: Final = _NAME + 16 + 2  # name, value, space


def read(cpu: Cpu) -> dict[str, int]:
    """The values a later `registers` compares with."""
    return {name: cpu.registers[name] for name in SHOWN}


def registers(cpu: Cpu, symbols: SymbolTable, before: Mapping[str, int], columns: int = 1) -> Text:
    """Each register's value and the symbol it points into, one a line; with more columns, without symbols."""
    text, values = Text(), read(cpu)
    if columns == 1:
        for name in SHOWN:
            _append(text, name, 8, values[name], before)
            text.append(f"{_note(symbols, name, values[name])}\n", QUIET)
        return text
    for name in ("rip", "rflags"):
        _append(text, name, len(name) + 1, values[name], before)
        text.append("  " if name == "rip" else f"  {_flags(values[name])}", "" if name == "rip" else QUIET)
    for i, name in enumerate(GENERAL):
        text.append("\n" if i % columns == 0 else "  ")
        _append(text, name, _NAME, values[name], before)
    text.append("\n")
    for name in ("fs_base", "gs_base"):
        _append(text, name, len(name) + 1, values[name], before)
        text.append("  ")
    return text.append("\n")


def columns_in(width: int, height: int) -> int:
    """How many columns the registers need in a pane of this size."""
    return 1 if height >= len(SHOWN) else max(1, min(4, (width + 2) // _CELL))


def _append(text: Text, name: str, width: int, value: int, before: Mapping[str, int]) -> None:
    changed = name in before and before[name] != value
    text.append(f"{name:<{width}}", NAME).append(f"{value:016x}", NEW if changed else "")


def _note(symbols: SymbolTable, name: str, value: int) -> str:
    note = _flags(value) if name == "rflags" else _symbol(symbols, value)
    return f"  {note}" if note else ""


def _flags(value: int) -> str:
    return " ".join(name for name, bit in rflags.NAMES.items() if value & bit)


def _symbol(symbols: SymbolTable, value: int) -> str:
    place = symbols.describe(value)
    return "" if place.startswith("0x") else place
