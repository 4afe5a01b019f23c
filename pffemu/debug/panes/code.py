"""Pane: instructions around a core's RIP, with symbols, source lines and the UINTR mnemonics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from rich.text import Text

from pffemu.asm import disassemble
from pffemu.asm.instruction import Instruction
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.machine.symbols import SymbolTable

_REACH: Final = 256  # bytes in front of RIP that are decoded to find where instructions begin
_LONGEST: Final = 15  # bytes of one instruction


class SourceLine(NamedTuple):
    file: str
    number: int
    text: str


SourceOf = Callable[[int], SourceLine | None]  # by address


def code(cpu: Cpu, symbols: SymbolTable, source_of: SourceOf, height: int) -> Text:
    """`height` lines with RIP at about a third. Bytes that are no code, or cannot be fetched, are said so."""
    rip = cpu.registers["rip"]
    before = _before(cpu, symbols, rip)[-(height // 3) :]
    after = list(disassemble(cpu.mmu.code_at(rip, _LONGEST * height), rip))[:height]
    text = Text()
    if not after:
        return text.append(f"{symbols.describe(rip)}: no code there (not mapped, or not executable)\n", HERE)
    shown, last_source = 0, None
    for instruction in (*before, *after):
        source = source_of(instruction.address)
        if source is not None and source != last_source and shown < height:
            text.append(f"{source.file}:{source.number:<5}{source.text.strip()}\n", QUIET)
            shown, last_source = shown + 1, source
        place = symbols.describe(instruction.address)
        if "+" not in place and not place.startswith("0x") and shown < height:
            text.append(f"{place}:\n", NAME)
            shown += 1
        if shown >= height:
            break
        mark = "=>" if instruction.address == rip else "  "
        text.append(
            f"{mark} {instruction.address:#x}  {instruction.text}", HERE if instruction.address == rip else ""
        ).append("\n")
        shown += 1
    return text


def _before(cpu: Cpu, symbols: SymbolTable, rip: int) -> list[Instruction]:
    """Instructions in front of `rip`, decoded from the nearest symbol; none when they do not meet it."""
    start = max((address for address in symbols.values() if rip - _REACH <= address < rip), default=rip)
    found = [each for each in disassemble(cpu.mmu.code_at(start, rip - start), start) if each.address < rip]
    return found if found and found[-1].address + found[-1].size == rip else []
