"""Pane: a core's general registers and flags; what changed since `before` stands out."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from pffemu.arch import rflags
from pffemu.arch.registers import GENERAL
from pffemu.debug.panes import NAME, NEW, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.machine.symbols import SymbolTable

SHOWN = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")


def read(cpu: Cpu) -> dict[str, int]:
    """The values a later `registers` compares with."""
    return {name: cpu.registers[name] for name in SHOWN}


def registers(cpu: Cpu, symbols: SymbolTable, before: Mapping[str, int]) -> Text:
    """One register a line: value, and the symbol it points into."""
    text = Text()
    for name, value in read(cpu).items():
        changed = name in before and before[name] != value
        text.append(f"{name:<8}", NAME).append(f"{value:016x}", NEW if changed else "")
        note = _flags(value) if name == "rflags" else _symbol(symbols, value)
        text.append(f"  {note}" if note else "", QUIET).append("\n")
    return text


def _flags(value: int) -> str:
    return " ".join(name for name, bit in rflags.NAMES.items() if value & bit)


def _symbol(symbols: SymbolTable, value: int) -> str:
    place = symbols.describe(value)
    return "" if place.startswith("0x") else place
