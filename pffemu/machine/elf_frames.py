"""How a function's caller is found: DWARF's call frame information (DWARF 5, section 6.4), read by pyelftools.

Rules that are DWARF expressions (a PLT has them) are left out: there the caller is unknown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from elftools.dwarf.callframe import FDE, RegisterRule

from pffemu.machine.elf_lines import damaged, debug_information

# AMD64 psABI, figure 3.36: the registers by their DWARF numbers
REGISTERS: Final = (
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", *(f"r{i}" for i in range(8, 16)), "rip",
)  # fmt: skip
RETURN_ADDRESS: Final = 16


@dataclass(frozen=True, slots=True)
class FrameRule:
    """The CFA (RSP after the return) is `base` + `offset`; `saved` registers lie that many bytes from it."""

    base: str
    offset: int
    saved: Mapping[str, int]
    outermost: bool  # it has no caller: a program's or thread's entry


class CallFrames:
    """The rules of one program, by address."""

    def __init__(self, entries: list[Any], bias: int) -> None:
        """`entries`: pyelftools' FDEs; `bias`: bytes the program was moved by."""
        self._entries = sorted((entry["initial_location"], entry["address_range"], i, entry)
                               for i, entry in enumerate(entries))  # fmt: skip
        self._starts = [start for start, *_ in self._entries]
        self._bias = bias

    def rule_at(self, address: int) -> FrameRule | None:
        """The rule that holds before the instruction at `address`; None when the program has none for it."""
        address -= self._bias
        i = bisect_right(self._starts, address) - 1
        if i < 0 or address - self._entries[i][0] >= self._entries[i][1]:
            return None
        try:
            rows = [row for row in self._entries[i][3].get_decoded().table if row["pc"] <= address]
        except Exception:  # elftools raises nearly anything for a damaged table
            return None
        return _rule(rows[-1]) if rows else None


def read_frames(data: bytes, name: str, bias: int) -> CallFrames:
    """The rules of an ELF file that was moved by `bias`. Raises ElfError for damaged ones."""
    with damaged("call frame information", name, "build it again"):
        dwarf = debug_information(data)
        entries = [] if dwarf is None else [
            *(dwarf.EH_CFI_entries() if dwarf.has_EH_CFI() else ()), *(dwarf.CFI_entries() if dwarf.has_CFI() else ()),
        ]  # fmt: skip
        return CallFrames([entry for entry in entries if isinstance(entry, FDE)], bias)


def _rule(row: Mapping[Any, Any]) -> FrameRule | None:
    cfa, back = row["cfa"], row.get(RETURN_ADDRESS)
    if back is not None and back.type == RegisterRule.UNDEFINED:
        return FrameRule("rsp", 0, {}, True)
    if cfa.reg is None or cfa.reg >= RETURN_ADDRESS or back is None or back.type != RegisterRule.OFFSET:
        return None
    saved = {
        REGISTERS[number]: rule.arg
        for number, rule in row.items()
        if isinstance(number, int) and number <= RETURN_ADDRESS and rule.type == RegisterRule.OFFSET
    }
    return FrameRule(REGISTERS[cfa.reg], cfa.offset, saved, False)
