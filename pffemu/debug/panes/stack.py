"""Pane: the stack around RSP, with names at the fields of frames that delivery pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.text import Text

from pffemu.arch.frames import FrameLayout, words_of
from pffemu.debug.panes import HERE, NAME, NEW, QUIET
from pffemu.events.hw import FramePushed
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap
from pffemu.machine.symbols import SymbolTable

WORD: Final = 8  # bytes


def read(cpu: Cpu, below: int, above: int) -> dict[int, int]:
    """Words around RSP by address: `below` under it, `above` from it upwards; unmapped ones are left out."""
    rsp = cpu.registers["rsp"] & -WORD
    words = {}
    for address in range(rsp - WORD * below, rsp + WORD * above, WORD):
        octets = cpu.mmu.load(address, WORD, USER, update=False) if address >= 0 else Trap(0)
        if not isinstance(octets, Trap):
            words[address] = int.from_bytes(octets, "little")
    return words


def stack(
    cpu: Cpu, symbols: SymbolTable, frames: Sequence[FramePushed], before: Mapping[int, int], below: int, above: int
) -> Text:
    """Highest address first, as in manuals. `frames`: those that UIRET has not taken; `before`: an earlier `read`."""
    rsp = cpu.registers["rsp"]
    names = {address: name for frame in frames for address, name in fields(frame, cpu.options.frame_layout).items()}
    words = read(cpu, below, above)
    text = Text()
    if not words:
        return text.append(f"RSP {rsp:#x}: no stack there\n", HERE)
    for address in sorted(words, reverse=True):
        value = words[address]
        at_rsp = address == rsp & -WORD
        text.append("RSP> " if at_rsp else "     ", HERE if at_rsp else "")
        text.append(f"{address:#x}  ", QUIET if address < rsp else "")
        text.append(f"{value:016x}", NEW if before.get(address, value) != value else QUIET if address < rsp else "")
        place = symbols.describe(value)
        text.append(f"  {names[address]}" if address in names else "", NAME)
        text.append(f"  {place}" if value and not place.startswith("0x") else "", QUIET).append("\n")
    return text


def fields(frame: FramePushed, layout: FrameLayout) -> dict[int, str]:
    """The name of each word of a pushed frame, by address."""
    return {frame.rsp + WORD * i: name for i, name in enumerate(words_of(frame.size, layout))}
