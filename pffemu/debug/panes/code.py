"""Pane: instructions around a core's RIP, with symbols, source lines and the UINTR mnemonics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from rich.text import Text

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm import disassemble
from pffemu.asm.instruction import Instruction
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.machine.symbols import SymbolTable

_REACH: Final = 256  # bytes in front of RIP that are decoded to find where instructions begin
_ASSEMBLY: Final = (".s", ".asm")
_BESIDE: Final = 42  # column of the source line beside an instruction


class SourceLine(NamedTuple):
    file: str
    number: int
    text: str


SourceOf = Callable[[int], SourceLine | None]  # by address


def code(
    cpu: Cpu, symbols: SymbolTable, source_of: SourceOf, height: int, code_at: Callable[[int, int], bytes] | None = None
) -> Text:
    """`height` lines with RIP at about a third. Bytes that are not code, or cannot be fetched, are marked as such.

    `code_at`: reads code (address, size); by default what the core could fetch without a fault.
    """
    rip, code_at = cpu.registers["rip"], code_at or cpu.mmu.code_at
    before = _before(code_at, symbols, rip)[-(height // 3) :]
    after = list(disassemble(code_at(rip, MAX_INSTRUCTION * height), rip))[:height]
    text = Text()
    if not after:
        return text.append(f"{symbols.describe(rip)}: no code there (not mapped, or not executable)\n", HERE)
    shown, last_source = 0, None
    for instruction in (*before, *after):
        source = source_of(instruction.address)
        beside = source is not None and source.file.endswith(_ASSEMBLY)  # most lines of assembly are one instruction
        if source is not None and source != last_source and shown < height:
            if not beside or last_source is None or last_source.file != source.file:
                line = source.file if beside else f"{source.file}:{source.number:<5}{source.text.strip()}"
                text.append(f"{line}\n", QUIET)
                shown += 1
            last_source = source
        place = symbols.describe(instruction.address)
        if "+" not in place and not place.startswith("0x") and shown < height:
            text.append(f"{place}:\n", NAME)
            shown += 1
        if shown >= height:
            break
        _append(text, instruction, instruction.address == rip, source if beside else None)
        shown += 1
    return text


def _append(text: Text, instruction: Instruction, here: bool, beside: SourceLine | None) -> None:
    line = f"{'=>' if here else '  '} {instruction.address:#x}  {instruction.text}"
    text.append(line, HERE if here else "")
    if beside is not None:
        text.append(f"{'':{max(2, _BESIDE - len(line))}}{beside.number:>5}  {beside.text.strip()}", QUIET)
    text.append("\n")


def _before(code_at: Callable[[int, int], bytes], symbols: SymbolTable, rip: int) -> list[Instruction]:
    """Instructions in front of `rip`, decoded from the nearest symbol; none when no boundary falls on `rip`."""
    start = symbols.start_below(rip)
    if start is None or start < rip - _REACH:
        return []
    found = [each for each in disassemble(code_at(start, rip - start), start) if each.address < rip]
    return found if found and found[-1].address + found[-1].size == rip else []
